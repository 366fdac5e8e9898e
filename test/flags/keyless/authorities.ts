import type { Case } from '../setup.ts'
import { fails, foreign, passes, signed, strict, verifiers, who } from './setup.ts'

/** Logs by cosign's variables: with them the flags for PEM files name all that is trusted. */
export const logs = { SIGSTORE_REKOR_PUBLIC_KEY: 'our-rekor.pub', SIGSTORE_CT_LOG_PUBLIC_KEY_FILE: 'our-ctfe.pub' }

/** Flags that say which authorities are trusted. */
export function authorityCases(): readonly Case[] {
  const environment = logs
  const untrusted = /not signed by certificate "CN=|its issuer "CN=intermediate 1,.*" is not known/
  const cases: readonly Omit<Case, 'commands'>[] = [
    {
      flag: 'trusted-root',
      what: 'is whom to trust',
      check: async command => {
        await passes(`${await signed(command)} ${strict}`)
        await fails(`${await signed(command, {}, foreign)} ${strict}`, 'TLOG_UNKNOWN', /no trusted log has id/)
        await fails(`${await signed(command)} ${who} --trusted-root nowhere.json`, 'FILE_UNREADABLE', /nowhere\.json/)
        await fails(`${await signed(command)} ${who} --trusted-root team.pub`, 'TRUSTED_ROOT_MALFORMED', /team\.pub/)
      },
    },
    {
      flag: 'ca-roots',
      what: 'are the roots to trust, in place of a trusted root',
      check: async command => {
        const line = `${await signed(command)} ${who} --ca-intermediates our-intermediates.pem`
        await passes(`${line} --ca-roots our-roots.pem`, { environment })
        await fails(`${line} --ca-roots their-roots.pem`, 'CERTIFICATE_UNTRUSTED', untrusted, { environment })
        await fails(
          `${line} --ca-roots our-roots.pem --trusted-root our-trusted_root.json`,
          'USAGE',
          /want one of --trusted-root and --ca-roots, got both/,
        )
        await fails(
          `${line} --ca-roots our-roots.pem --certificate-chain our-chain.pem`,
          'USAGE',
          /want one of --certificate-chain and --ca-roots/,
        )
        await fails(
          `${line} --ca-roots our-rekor.pub`,
          'MATERIAL_UNSUPPORTED',
          /rekor\.pub: want certificates, got a PEM block of "PUBLIC KEY"/,
        )
        const key = line.replace(who, '--key team.pub')
        await fails(`${key} --ca-roots our-roots.pem`, 'USAGE', /^--ca-roots goes with an identity .*, not with --key$/)
      },
    },
    {
      flag: 'ca-intermediates',
      what: 'are what leads from a signer to the roots',
      check: async command => {
        const line = `${await signed(command)} ${who} --ca-roots our-roots.pem`
        await passes(`${line} --ca-intermediates our-intermediates.pem`, { environment })
        await fails(line, 'CERTIFICATE_UNTRUSTED', untrusted, { environment })
        await fails(
          `${await signed(command)} ${who} --ca-intermediates our-intermediates.pem`,
          'USAGE',
          /^--ca-intermediates goes with --ca-roots$/,
        )
      },
    },
    {
      flag: 'certificate-chain',
      what: 'is the chain to trust, issuer first and root last',
      check: async command => {
        const line = `${await signed(command)} ${who}`
        await passes(`${line} --certificate-chain our-chain.pem`, { environment })
        await fails(`${line} --certificate-chain their-chain.pem`, 'CERTIFICATE_UNTRUSTED', untrusted, { environment })
        await fails(
          `${line} --certificate-chain our-chain.pem --trusted-root our-trusted_root.json`,
          'USAGE',
          /and --certificate-chain, got both/,
        )
      },
    },
    {
      flag: 'timestamp-certificate-chain',
      what: 'is the authority that must have stamped the signature',
      check: async command => {
        const stamped = `${await signed(command, { stamped: true })} ${who} --certificate-chain our-chain.pem`
        await passes(`${stamped} --timestamp-certificate-chain our-tsa.pem`, { environment })
        const none = /threshold not met for verified signed timestamps: 0 < 1/
        await fails(`${stamped} --timestamp-certificate-chain their-tsa.pem`, 'THRESHOLD_NOT_MET', none, { environment })
        const bare = `${await signed(command)} ${who} --certificate-chain our-chain.pem --timestamp-certificate-chain our-tsa.pem`
        await fails(bare, 'THRESHOLD_NOT_MET', none, { environment })
        await fails(`${stamped} --timestamp-certificate-chain our-rekor.pub`, 'MATERIAL_UNSUPPORTED', /rekor\.pub: want certificates/, {
          environment,
        })
      },
    },
    {
      flag: 'use-signed-timestamps',
      what: 'requires a timestamp',
      check: async command => {
        const bare = `${await signed(command)} ${strict}`
        await passes(bare)
        await fails(`${bare} --use-signed-timestamps`, 'THRESHOLD_NOT_MET', /threshold not met for verified signed timestamps: 0 < 1/)
        await passes(`${await signed(command, { stamped: true })} ${strict} --use-signed-timestamps`)
      },
    },
  ]
  return cases.map(given => ({ ...given, commands: verifiers }))
}
