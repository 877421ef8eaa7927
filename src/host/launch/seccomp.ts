import { deniedEverywhere, deniedOn, type Machine } from './syscalls.ts'

/**
 * The seccomp filter of a bwrap cell, as a classic BPF program. Node needs none of what it denies once its pipe is
 * inherited; native code of an attacker meets EPERM at every door out of the namespaces, and cannot start a process.
 */

const load = 0x20 // ld [k]
const jumpEqual = 0x15
const jumpGreater = 0x25
const jumpGreaterOrEqual = 0x35
const jumpAnyBit = 0x45
const returns = 0x06

const killProcess = 0x8000_0000
const allow = 0x7fff_0000
const fail = 0x0005_0000
const EPERM = 1
const ENOSYS = 38

// Offsets in struct seccomp_data; arguments are 64 bits, the low half first on both machines.
const numberOffset = 0
const machineOffset = 4
const argumentOffset = (index: number): number => 16 + 8 * index

const machines: Readonly<
  Record<Machine, { readonly audit: number; readonly clone: number; readonly prctl: number; readonly ioctl: number }>
> = {
  x64: { audit: 0xc000_003e, clone: 56, prctl: 157, ioctl: 16 },
  arm64: { audit: 0xc000_00b7, clone: 220, prctl: 167, ioctl: 29 },
}
/** The newest call this list was written against: what a newer kernel adds is not there. */
const newestKnown = 462
const clone3 = 435
const x32Bit = 0x4000_0000

const threadFlag = 0x0001_0000
const namespaceFlags = 0x7e02_0000
const setParentDeathSignal = 1
const pushTerminalInput = 0x5412
const linuxConsole = 0x541c

type Instruction = readonly [code: number, whenTrue: number, whenFalse: number, value: number]

const denyNumber = (number: number, error: number): readonly Instruction[] => [
  [jumpEqual, 0, 1, number],
  [returns, 0, 0, fail | error],
]

/** For calls of `number` alone: loads an argument, runs `rules`, allows what they let pass. */
const forCall = (number: number, argument: number, rules: readonly Instruction[]): readonly Instruction[] => [
  [load, 0, 0, numberOffset],
  [jumpEqual, 0, rules.length + 2, number],
  [load, 0, 0, argumentOffset(argument)],
  ...rules,
  [returns, 0, 0, allow],
]

const program = (machine: Machine): readonly Instruction[] => {
  const { audit, clone, prctl, ioctl } = machines[machine]
  const denied = [...deniedEverywhere, ...deniedOn[machine]].toSorted((a, b) => a - b)
  return [
    [load, 0, 0, machineOffset],
    [jumpEqual, 1, 0, audit],
    [returns, 0, 0, killProcess],
    [load, 0, 0, numberOffset],
    // x32 gives every call a second number on the same machine.
    [jumpGreaterOrEqual, 0, 1, x32Bit],
    [returns, 0, 0, killProcess],
    [jumpGreater, 0, 1, newestKnown],
    [returns, 0, 0, fail | ENOSYS],
    // Its flags lie in memory, out of a filter's sight; the C library falls back to clone.
    ...denyNumber(clone3, ENOSYS),
    ...denied.flatMap((number) => denyNumber(number, EPERM)),
    // Threads yes, processes and namespaces no.
    ...forCall(clone, 0, [
      [jumpAnyBit, 0, 1, namespaceFlags],
      [returns, 0, 0, fail | EPERM],
      [jumpAnyBit, 1, 0, threadFlag],
      [returns, 0, 0, fail | EPERM],
    ]),
    // A cell that would outlive its host.
    ...forCall(prctl, 0, [
      [jumpEqual, 0, 1, setParentDeathSignal],
      [returns, 0, 0, fail | EPERM],
    ]),
    // Keystrokes for whoever owns the terminal.
    ...forCall(ioctl, 1, [
      [jumpEqual, 1, 0, pushTerminalInput],
      [jumpEqual, 0, 1, linuxConsole],
      [returns, 0, 0, fail | EPERM],
    ]),
    [returns, 0, 0, allow],
  ]
}

const instructionBytes = 8

/** The filter for a machine as the kernel and `bwrap --seccomp` read it; `undefined` for machines we have no list for. */
export const seccompFilter = (machine: string): Uint8Array | undefined => {
  if (machine !== 'x64' && machine !== 'arm64') return undefined
  const instructions = program(machine)
  const bytes = new Uint8Array(instructions.length * instructionBytes)
  const view = new DataView(bytes.buffer)
  instructions.forEach(([code, whenTrue, whenFalse, value], index) => {
    const at = index * instructionBytes
    view.setUint16(at, code, true)
    view.setUint8(at + 2, whenTrue)
    view.setUint8(at + 3, whenFalse)
    view.setUint32(at + 4, value >>> 0, true)
  })
  return bytes
}
