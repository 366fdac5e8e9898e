import { escapeControls } from '../codec/text.ts'
import type { IdentityToken } from './token-claims.ts'

/**
 * What signing with this token makes known, line by line: whom the certificate will name, who vouches for them, and which repository it will
 * tell of. Guessed from the token, since the authority alone knows how it maps one to the other.
 */
export function disclosedFacts(token: IdentityToken): readonly string[] {
  const { issuer, email, subject, claims } = token
  const facts = [`identity: ${identityOf(token)}`, `vouched for by: ${issuer}`]
  const repository = claims.get('repository') ?? claims.get('project_path') ?? claims.get('pipeline_slug')
  if (repository !== undefined) facts.push(`repository: ${repository}`)
  const ref = claims.get('ref')
  if (ref !== undefined) facts.push(`ref: ${ref}`)
  const commit = claims.get('sha')
  if (commit !== undefined) facts.push(`commit: ${commit}`)
  if (email === undefined && identityOf(token) !== subject) facts.push(`subject of the token: ${subject}`)
  return facts.map(escapeControls)
}

/** Whom a certificate for a token will name: of GitHub and GitLab the workflow, else the e-mail address or the subject. @see services.md §1.3 */
export function identityOf({ email, subject, claims }: IdentityToken): string {
  if (email !== undefined) return email
  const workflow = claims.get('job_workflow_ref')
  if (workflow !== undefined) return `https://github.com/${workflow}`
  const config = claims.get('ci_config_ref_uri') // GitLab
  return config === undefined ? subject : `https://${config}`
}
