/** placeholder until the table lands */
export function start() {}
