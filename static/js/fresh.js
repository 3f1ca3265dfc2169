/** A page as it is now, beside the one that is shown. */

/** The policy of our pages makes no document of text, so the browser parses it: it runs nothing.
 * @param {string} url @returns {Promise<Document|null>} null when it was not to be had */
export function fresh(url) {
  return new Promise((resolve) => {
    const ask = new XMLHttpRequest();
    ask.open("GET", url);
    ask.responseType = "document";
    ask.timeout = 10_000;
    ask.onloadend = () => resolve(ask.status === 200 ? ask.responseXML : null);
    ask.send();
  });
}
