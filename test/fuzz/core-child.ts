/** Tries one core module after the other, as its parent sends them. */
import { answerCases } from './answer-cases.ts'
import { tryCore } from './try-core.ts'

answerCases(tryCore)
