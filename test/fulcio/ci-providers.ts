/** Templates of CI services in the forms that public configurations use: claims by name, fields, index, conditions, defaults, aliases. */
export const ciProvidersConfig = `define:
  - &hub "github-workflow"
oidc-issuers:
  https://hub.example:
    client-id: sigstore
    type: ci-provider
    ci-provider: *hub
  https://lab.example:
    client-id: sigstore
    type: ci-provider
    ci-provider: lab
  https://kite.example:
    client-id: sigstore
    type: ci-provider
    ci-provider: kite
  https://fresh.example:
    client-id: sigstore
    type: ci-provider
    ci-provider: fresh
  https://circle.example:
    client-id: sigstore
    type: ci-provider
    ci-provider: circle
  https://buddy.example:
    client-id: sigstore
    type: ci-provider
    ci-provider: buddy
ci-issuer-metadata:
  *hub:
    default-template-values:
      url: https://github.com
      environment: ""
    extension-templates:
      github-workflow-trigger: event_name
      github-workflow-sha: sha
      github-workflow-name: workflow
      github-workflow-repository: repository
      github-workflow-ref: ref
      build-signer-uri: "{{ .url }}/{{ .job_workflow_ref }}"
      build-signer-digest: job_workflow_sha
      runner-environment: runner_environment
      source-repository-uri: "{{ .url }}/{{ .repository }}"
      source-repository-digest: sha
      source-repository-ref: ref
      source-repository-identifier: repository_id
      source-repository-owner-uri: "{{ .url }}/{{ .repository_owner }}"
      source-repository-owner-identifier: repository_owner_id
      build-config-uri: "{{ .url }}/{{ .workflow_ref }}"
      build-config-digest: workflow_sha
      build-trigger: event_name
      run-invocation-uri: "{{ .url }}/{{ .repository }}/actions/runs/{{ .run_id }}/attempts/{{ .run_attempt }}"
      source-repository-visibility-at-signing: repository_visibility
      deployment-environment: environment
    subject-alternative-name-template: "{{ .url }}/{{ .job_workflow_ref }}"
  lab:
    default-template-values:
      url: https://gitlab.com
    extension-templates:
      build-signer-uri: "https://{{ .ci_config_ref_uri }}"
      source-repository-ref: 'refs/{{ if eq .ref_type "branch" }}heads/{{ else }}tags/{{ end }}{{ .ref }}'
      run-invocation-uri: "{{ .url }}/{{ .project_path }}/-/jobs/{{ .job_id }}"
    subject-alternative-name-template: "https://{{ .ci_config_ref_uri }}"
  kite:
    default-template-values:
      url: https://buildkite.com
    extension-templates:
      source-repository-digest: build_commit
      build-trigger: build_source
      runner-environment: runner_environment
      run-invocation-uri: "{{.url}}/{{.organization_slug}}/{{.pipeline_slug}}/builds/{{.build_number}}#{{.job_id}}"
    subject-alternative-name-template: "{{.url}}/{{.organization_slug}}/{{.pipeline_slug}}"
  fresh:
    default-template-values:
      platform_url: https://g.codefresh.io
      scm_ref: ""
    extension-templates:
      build-signer-uri: "{{.platform_url}}/build/{{ .workflow_id }}"
      source-repository-ref: scm_ref
    subject-alternative-name-template: "{{.platform_url}}/{{.account_name}}/{{.pipeline_name}}:{{.account_id}}/{{.pipeline_id}}"
  circle:
    default-template-values:
      api_url: https://circleci.com/api/v2
    extension-templates:
      build-signer-uri: '{{.api_url}}/projects/{{(index . "oidc.circleci.com/project-id")}}/pipeline-definitions/{{(index . "oidc.circleci.com/pipeline-definition-id")}}'
      runner-environment: '{{if eq (index . "oidc.circleci.com/ssh-rerun") "true"}}ssh-rerun{{end}}'
      source-repository-ref: '{{index . "oidc.circleci.com/vcs-ref"}}'
    subject-alternative-name-template: '{{.api_url}}/projects/{{(index . "oidc.circleci.com/project-id")}}/pipeline-definitions/{{(index . "oidc.circleci.com/pipeline-definition-id")}}'
  buddy:
    extension-templates:
      build-signer-uri: "{{ .pipeline_url }}"
      source-repository-digest: revision
    subject-alternative-name-template: pipeline_url
`
