import { CountersignError } from '../../src/codec/error.ts'
import { decodeHex } from '../../src/codec/hex.ts'
import { digestOf, type HashName } from '../../src/crypto/digest.ts'
import { type Message, messageOfBytes, messageOfDigests } from '../../src/crypto/message.ts'
import { parsePublicKeyDer } from '../../src/crypto/public-key.ts'
import { verifySignature } from '../../src/crypto/verify-signature.ts'

/** One signature to be checked over the message and over its digest; all in hexadecimal. */
export type Question = { readonly spki: string; readonly hash: HashName; readonly message: string; readonly signature: string }

/** For each question the scheme that verified, else the code of the refusal: over the message, then over its digest. */
export async function answer(questions: readonly Question[]): Promise<readonly (readonly [string, string])[]> {
  const answers: (readonly [string, string])[] = []
  for (const { spki, hash, message, signature } of questions) {
    const bytes = decodeHex(message, 'message')
    const over = async (signed: Message) => {
      try {
        return (await verifySignature(parsePublicKeyDer(decodeHex(spki, 'key'), 'key'), decodeHex(signature, 'signature'), signed, [hash]))
          .scheme
      } catch (error) {
        return error instanceof CountersignError ? error.code : String(error)
      }
    }
    answers.push([await over(messageOfBytes(bytes)), await over(messageOfDigests(new Map([[hash, digestOf(hash, bytes)]])))])
  }
  return answers
}
