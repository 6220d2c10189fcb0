import { accessSync, closeSync, constants, openSync, writeSync } from 'node:fs'

/**
 * Keeps the machine's cores awake until the returned function is called, or this process ends: idle, they look for work
 * instead of going to sleep. As `tuned` does it for latency: https://docs.kernel.org/power/pm_qos_interface.html
 *
 * In a virtual machine a core that has gone to sleep takes longer to be woken than a small request to be answered. Whoever
 * answers a little later finds the client asleep, and pays for the waking as well: a difference of a quarter in processor time
 * came out as one of a third or of a half in requests a second, another each time.
 */
export function keepAwake(): () => void {
  if (!canKeepAwake()) return () => {}
  const held = openSync(latencyDevice, 'w')
  // The longest that waking may take, in microseconds (int32), for as long as the file is open.
  writeSync(held, new Int32Array([0]))
  return () => closeSync(held)
}

/** Root only, on Linux. */
export function canKeepAwake(): boolean {
  try {
    accessSync(latencyDevice, constants.W_OK)
    return true
  } catch {
    return false
  }
}

const latencyDevice = '/dev/cpu_dma_latency'
