import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { expect, test } from 'vitest'
import { GuestFault } from '#host/broker/provider.ts'
import { faultCode, faultOfErrno } from '#host/providers/fs/errors.ts'

const wit = readFileSync(
  new URL('../../../../node_modules/@bytecodealliance/jco/lib/wit/builtin/0.2.12/wasi-filesystem/package.wit', import.meta.url),
  'utf8',
)
const cases = (/enum error-code \{([^}]*)\}/.exec(wit)?.[1] ?? '').split(',').flatMap((name) => name.trim() || [])

/** A failed system call as Node tells of it: by number, and by a name where it knows one. */
const failed = (errno: number, code = `Unknown system error -${errno}`): Error =>
  Object.assign(new Error(`${code}: something failed, open '/home/user/box/f'`), {
    errno: -errno,
    code,
    syscall: 'open',
    path: '/home/user/box/f',
  })

test('every one of the 37 error codes of wasi:filesystem is what some errno of Linux comes to, by its number alone', () => {
  expect(cases).toHaveLength(37)
  const numbers = [...Object.values(constants.errno), 131]
  const codes = new Set(numbers.map((errno) => faultCode(faultOfErrno(failed(errno)))))
  expect(codes).toEqual(new Set(cases))
})

test.each([
  ['EDQUOT', 'quota'],
  ['ENOSPC', 'insufficient-space'],
  ['EMFILE', 'insufficient-memory'],
  ['ESTALE', 'no-entry'],
  ['ENOTSUP', 'unsupported'],
  ['EDEADLK', 'deadlock'],
  ['ESPIPE', 'invalid-seek'],
  ['ETXTBSY', 'text-file-busy'],
  ['ECHILD', 'io'],
] as const)('%s is `%s`', (name, code) => {
  expect(faultOfErrno(failed(constants.errno[name]))).toMatchObject({ code })
})

test('no word of the message, which names a host path, is kept', () => {
  const fault = faultOfErrno(failed(constants.errno.EIO, 'EIO'))
  expect(fault).toBeInstanceOf(GuestFault)
  expect(JSON.stringify(fault, Object.getOwnPropertyNames(fault))).not.toContain('/home')
})

test('what is no system error stays what it is, so that it is taken for the fault of ours that it is', () => {
  const bug = new TypeError('undefined is not a function')
  expect(faultOfErrno(bug)).toBe(bug)
  const refused = new GuestFault('quota')
  expect(faultOfErrno(refused)).toBe(refused)
})
