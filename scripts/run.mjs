import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Absolute path of the checkout. */
export const repository = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')

/**
 * Runs a program in the checkout to its end. `quiet` keeps its output back and returns it; else it goes to the terminal.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ quiet?: boolean, env?: Record<string, string> }} [options]
 * @returns {Promise<{ exitCode: number, output: string }>}
 */
export function run(command, args, { quiet = false, env = {} } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: repository,
      env: { ...process.env, ...env },
      stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit',
    })
    let output = ''
    const collect = (/** @type {Buffer} */ chunk) => {
      output += chunk.toString()
    }
    child.stdout?.on('data', collect)
    child.stderr?.on('data', collect)
    // The program is told by the terminal as well; what it does about Ctrl-C is its own affair, and is waited for.
    const wait = () => {}
    const pass = () => child.kill('SIGTERM')
    process.on('SIGINT', wait).on('SIGTERM', pass)
    const settle = (/** @type {number} */ exitCode) => {
      process.off('SIGINT', wait).off('SIGTERM', pass)
      resolve({ exitCode, output })
    }
    child.once('error', (error) => {
      output += `${command}: ${error.message}\n`
      if (!quiet) console.error(output)
      settle(127)
    })
    child.once('close', (code, signal) => settle(code ?? (signal === 'SIGINT' ? 130 : 1)))
  })
}

/**
 * Runs a JavaScript program of the checkout's node_modules.
 *
 * @param {string} script for example vitest/vitest.mjs
 * @param {readonly string[]} args
 * @param {{ quiet?: boolean, env?: Record<string, string> }} [options]
 */
export function runModule(script, args, options) {
  return run(process.execPath, [`${repository}/node_modules/${script}`, ...args], options)
}
