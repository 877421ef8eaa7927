import { readlinkSync, statSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { CordonError } from '#core/errors.ts'

/**
 * Names things relative to an open descriptor, as the `*at` system calls do. A descriptor keeps meaning the same
 * directory while an adversary renames and replaces what led to it; a path does not.
 *
 * INVARIANT: whoever uses such a path keeps the descriptor open until the system call is done, else the number may
 * mean another file by then.
 */
export interface DescriptorPaths {
  /** The entry `name` (one segment, never `.` or `..`) of a directory. */
  entry(directory: FileHandle, name: string): string
  /** What the descriptor itself means, for opening it again with other flags. */
  itself(handle: FileHandle): string
  /** Where the descriptor's file is now, as a host path. */
  truth(handle: FileHandle): string
}

/** Linux: `/proc/self/fd`. */
const procDescriptorPaths: DescriptorPaths = {
  entry: (directory, name) => `/proc/self/fd/${directory.fd}/${name}`,
  itself: (handle) => `/proc/self/fd/${handle.fd}`,
  truth: (handle) => readlinkSync(`/proc/self/fd/${handle.fd}`),
}

/** What this platform offers. Throws CordonError `mount.invalid` where paths cannot be walked without races. */
export const descriptorPaths = (platform: string = process.platform): DescriptorPaths => {
  const offered = platform === 'linux' && statSync('/proc/self/fd', { throwIfNoEntry: false })?.isDirectory() === true
  if (!offered) {
    throw new CordonError('mount.invalid', `expected Linux with /proc for mounts, got \`${platform}\` without /proc/self/fd`, {
      hint: 'run the agent without mounts, or on Linux with /proc mounted',
    })
  }
  return procDescriptorPaths
}
