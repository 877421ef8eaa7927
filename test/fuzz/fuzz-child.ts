/** Tries one component after the other, as its parent sends them. */
import { answerCases } from './answer-cases.ts'
import { tryComponent } from './try-component.ts'

answerCases(tryComponent)
