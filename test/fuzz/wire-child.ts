/** Plays one conversation after the other to the host's side of the wire, as its parent sends them. */
import { answerCases } from './answer-cases.ts'
import { tryWire } from './try-wire.ts'

answerCases(tryWire)
