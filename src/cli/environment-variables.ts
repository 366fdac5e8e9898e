/** A variable that the environment may set, as `env` lists it. */
export type EnvironmentVariable = {
  readonly name: string
  readonly description: string // follows the name in a sentence
  readonly expects: string
  readonly sensitive?: true // never shown unless asked for
  readonly unread?: string // why countersign does not read this variable of cosign's yet
}

/** Variables that cosign lists, in its words. Those of any name `COSIGN_X` are also read as `COUNTERSIGN_X`, which wins. */
const ofCosign: readonly EnvironmentVariable[] = [
  {
    name: 'ACTIONS_ID_TOKEN_REQUEST_TOKEN',
    description: 'is bearer token for the request to the OIDC provider',
    expects: 'string with a bearer token',
    sensitive: true,
  },
  {
    name: 'ACTIONS_ID_TOKEN_REQUEST_URL',
    description: "is the URL for GitHub's OIDC provider",
    expects: 'string with the URL for the OIDC provider',
  },
  {
    name: 'BUILDKITE_AGENT_ACCESS_TOKEN',
    description: 'is an access token used to identify the Buildkite agent',
    expects: 'string with an access token',
    sensitive: true,
  },
  { name: 'BUILDKITE_AGENT_ENDPOINT', description: 'the Buildkite agent endpoint', expects: 'string with an endpoint' },
  {
    name: 'BUILDKITE_AGENT_LOG_LEVEL',
    description: 'the log level for the Buildkite agent',
    expects: 'string with log level, either debug, notice, info, error, warn, fatal (default: notice)',
    unread: 'the agent is asked by its API, and writes no log here',
  },
  {
    name: 'BUILDKITE_JOB_ID',
    description: 'the Buildkite job ID to claim in the OIDC token',
    expects: 'string with a job ID',
  },
  {
    name: 'COSIGN_DOCKER_MEDIA_TYPES',
    description: 'to be used with registries that do not support OCI media types',
    expects: '1 to fallback to legacy OCI media types equivalents (0 by default)',
  },
  {
    name: 'COSIGN_EXPERIMENTAL',
    description: 'enables experimental cosign features',
    expects: '1 if experimental features should be enabled (0 by default)',
  },
  {
    name: 'COSIGN_MAX_ATTACHMENT_SIZE',
    description: 'maximum attachment size to download (default 128MiB)',
    expects: 'human-readable unit of memory, e.g. 5120, 20K, 3M, 45MiB, 1GB',
  },
  {
    name: 'COSIGN_PASSWORD',
    description: 'overrides password inputs with this value',
    expects: 'string with a password (asks on stdin by default)',
    sensitive: true,
  },
  {
    name: 'COSIGN_PKCS11_IGNORE_CERTIFICATE',
    description: 'disables loading certificates with PKCS11',
    expects: '1 if loading certificates should be disabled (0 by default)',
    unread: 'certificates on a token are attached where --certificate names them, and never by themselves',
  },
  { name: 'COSIGN_PKCS11_MODULE_PATH', description: 'is PKCS11 module-path', expects: 'string with a module-path' },
  {
    name: 'COSIGN_PKCS11_PIN',
    description: 'to be used if PKCS11 PIN is not provided',
    expects: 'string with a PIN',
    sensitive: true,
  },
  {
    name: 'COSIGN_REPOSITORY',
    description: 'can be used to store signatures in an alternate location',
    expects: 'string with a repository',
  },
  {
    name: 'GITHUB_HOST',
    description: 'is URL of the GitHub Enterprise instance',
    expects: 'string with the URL of GitHub Enterprise instance',
  },
  {
    name: 'GITHUB_TOKEN',
    description: 'is a token used to authenticate with GitHub',
    expects: 'token generated on GitHub',
    sensitive: true,
  },
  { name: 'GITLAB_HOST', description: 'is URL of the GitLab instance', expects: 'string with the URL of GitLab instance' },
  { name: 'GITLAB_TOKEN', description: 'is a token used to authenticate with GitLab', expects: 'string with a token', sensitive: true },
  {
    name: 'GOOGLE_SERVICE_ACCOUNT_NAME',
    description: 'is a service account name to be used with the Google provider',
    expects: "string with the service account's name",
  },
  {
    name: 'SIGSTORE_CT_LOG_PUBLIC_KEY_FILE',
    description: 'overrides what is used to validate the SCT coming back from Fulcio',
    expects: 'path to the public key file',
  },
  {
    name: 'SIGSTORE_ID_TOKEN',
    description: 'is a OIDC token used to authenticate to Fulcio',
    expects: 'string with a OIDC token',
    sensitive: true,
  },
  {
    name: 'SIGSTORE_REKOR_PUBLIC_KEY',
    description: 'if specified, you can specify an oob Public Key that Rekor uses',
    expects: 'path to the public key',
  },
  {
    name: 'SIGSTORE_ROOT_FILE',
    description: 'overrides the public good instance root CA',
    expects: 'path to the root CA',
  },
  {
    name: 'SIGSTORE_TSA_CERTIFICATE_FILE',
    description: 'path to the concatenated PEM-encoded TSA certificate file (leaf, intermediate(s), root) used by Sigstore',
    expects: 'path to the TSA certificate file',
  },
  {
    name: 'SOURCE_DATE_EPOCH',
    description: 'overrides current time for reproducible builds, see https://reproducible-builds.org/docs/source-date-epoch/',
    expects: 'number of seconds since unix epoch',
  },
  {
    name: 'SPIFFE_ENDPOINT_SOCKET',
    description: 'allows you to specify non-default SPIFFE socket to use.',
    expects: 'string with SPIFFE socket path',
  },
  {
    name: 'TUF_MIRROR',
    description:
      'URL of the TUF mirror. Use with TUF_ROOT_JSON to refresh TUF metadata during signing and verification commands. Setting this will cause cosign to attempt to use trusted_root.json if available and will ignore custom TUF metadata.',
    expects: 'URL of the TUF mirror',
  },
  { name: 'TUF_ROOT', description: 'path to the TUF cache directory', expects: 'path to the TUF cache directory' },
  {
    name: 'TUF_ROOT_JSON',
    description:
      'path to the TUF root.json file used to initialize and update a local TUF repository. Use with TUF_MIRROR to refresh TUF metadata during signing and verification commands. Setting this will cause cosign to attempt to use trusted_root.json if available and will ignore custom TUF metadata.',
    expects: 'path to root.json',
  },
]

/** Variables that countersign reads, and cosign does too without listing them. */
const ofOurs: readonly EnvironmentVariable[] = [
  { name: 'DOCKER_CONFIG', description: 'is where the docker config with credentials lies', expects: 'path to a folder with config.json' },
  {
    name: 'GCE_METADATA_HOST',
    description: 'is where a machine of Google Cloud asks who it is',
    expects: 'host, and port unless it is 80',
  },
  {
    name: 'GOOGLE_APPLICATION_CREDENTIALS',
    description: 'is the key file that the Google providers speak by',
    expects: 'path to a JSON file',
  },
  { name: 'HTTPS_PROXY', description: 'is the proxy to reach https servers by', expects: 'URL of a proxy', sensitive: true },
  { name: 'HTTP_PROXY', description: 'is the proxy to reach http servers by', expects: 'URL of a proxy', sensitive: true },
  { name: 'NO_PROXY', description: 'names what is reached without a proxy', expects: 'host names, addresses and networks, by commas' },
  {
    name: 'REGISTRY_AUTH_FILE',
    description: 'holds credentials where the docker config has none',
    expects: 'path to a file in the form of config.json',
  },
  { name: 'SSL_CERT_DIR', description: 'holds the authorities to trust, instead of the system', expects: 'folders of PEM files' },
  { name: 'SSL_CERT_FILE', description: 'holds the authorities to trust, instead of the system', expects: 'path to a PEM file' },
  {
    name: 'XDG_RUNTIME_DIR',
    description: 'is where containers/auth.json holds credentials when nothing else does',
    expects: 'path to a folder',
  },
]

/** Every variable that has a meaning of its own, by name: flags aside, each of which one can set. */
export const environmentVariables: readonly EnvironmentVariable[] = [
  ...ofCosign,
  ...ofOurs,
  ...ofCosign
    .filter(({ name, unread }) => name.startsWith('COSIGN_') && unread === undefined)
    .map(variable => ({
      ...variable,
      name: variable.name.replace('COSIGN_', 'COUNTERSIGN_'),
      description: `is our own name of ${variable.name}, and wins`,
    })),
].toSorted((a, b) => (a.name < b.name ? -1 : 1))
