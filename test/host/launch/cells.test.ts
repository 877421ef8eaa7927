import { describe } from 'vitest'
import { findTrustedTool } from '#host/launch/trusted-tool.ts'
import { cellContract } from './contract.ts'

const bubblewrap = findTrustedTool('bwrap', process.env['PATH'] ?? '')

describe('a thread cell', () => cellContract('thread'))
describe('a process cell', () => cellContract('process'))
describe.skipIf(bubblewrap === undefined)('a bwrap cell (needs bubblewrap on this machine)', () => cellContract('bwrap'))
