/** A text as one argument of a directive. `$` stays what it is in nginx: the start of a variable. */
export function quote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`
}
