import type { YAMLError } from 'yaml'
import { type Mistake, mistake } from './reading.ts'

/** A syntax error in our words: the parser's own may repeat the text around it, and so a password. */
export function syntaxMistake({ code }: YAMLError): Mistake {
  const [message, remedy] = sayings[code] ?? ['is not valid YAML', 'look at this line and the one before it']
  return mistake(message, remedy)
}

const sayings: Partial<Record<YAMLError['code'], readonly [message: string, remedy: string]>> = {
  BAD_DQ_ESCAPE: ['unknown escape in double quotes', 'double the backslash, or use single quotes'],
  BAD_INDENT: ['wrong indentation', 'line the key up with its neighbours, and close every bracket'],
  BAD_SCALAR_START: ['a plain text cannot begin with this character', 'put the value in quotes'],
  BLOCK_AS_IMPLICIT_KEY: [
    'a second key on one line',
    'put a text with ": " in it in quotes, or the key on a line of its own',
  ],
  BLOCK_IN_FLOW: ['an indented block between brackets', 'write all of it in brackets, or all of it in lines'],
  MISSING_CHAR: ['a quote, comma or colon is missing', 'close the quotes, and write ": " after every key'],
  MULTILINE_IMPLICIT_KEY: ['a key without its colon', 'write ": " after the key'],
  MULTIPLE_DOCS: ['a second document', 'keep one document a file: remove the --- between them'],
  NON_STRING_KEY: ['a key that is no text', 'write a plain word as the key'],
  TAB_AS_INDENT: ['a tab in the indentation', 'indent with spaces'],
  TAG_RESOLVE_FAILED: ['an unknown tag', 'remove the word that begins with !'],
  UNEXPECTED_TOKEN: ['something after the end of the value', 'put the whole value in quotes, such as "[::1]:3001"'],
}
