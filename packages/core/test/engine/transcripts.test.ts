import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createStagePlay } from './stage-play.ts'

// With BATON_UPDATE_TRANSCRIPTS=1 the answers are written anew: read the difference before you commit it.
const update = process.env.BATON_UPDATE_TRANSCRIPTS === '1'
const dir = new URL('./transcripts/', import.meta.url)

for (const name of readdirSync(dir)) {
  test(`the engine plays ${name.replace('.txt', '').replaceAll('-', ' ')}`, () => {
    const file = new URL(name, dir)
    const written = readFileSync(file, 'utf8')
    const played = replayTranscript(written)
    if (update) writeFileSync(file, played)
    expect(played).toBe(update ? played : written)
  })
}

/** Blocks of a command, `----` and its answer, separated by blank lines; lines with # are kept. */
function replayTranscript(text: string): string {
  const play = createStagePlay()
  return text
    .trimEnd()
    .split('\n\n')
    .map((block) => {
      const lines = block.split('\n')
      const comments = lines.filter((line) => line.startsWith('#'))
      const command = lines.find((line) => !line.startsWith('#') && line !== '----')
      if (command === undefined) return comments.join('\n')
      return [...comments, command, '----', play.command(command)].join('\n')
    })
    .join('\n\n')
    .concat('\n')
}
