import type { Imports } from '#cell/link/linker.ts'
import type { SessionWorld } from '#cell/adapters/world.ts'

/**
 * All host functions of one session: unversioned interface name (`wasi:io/streams`) → its members in jco's JavaScript
 * convention. Every object is null-prototype and frozen, so that no name reaches anything but what is written here.
 */
export const buildImports = (_world: SessionWorld): Imports => Object.freeze(Object.assign(Object.create(null), {}))
