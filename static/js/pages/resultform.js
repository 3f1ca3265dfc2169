/** The form of a result: its parties are found while one types. */

import { companyFields } from "../views/combobox.js";

export function start() {
  companyFields();
}
