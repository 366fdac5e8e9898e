module ct-reader

go 1.24.0

require (
	filippo.io/sunlight v0.8.1
	github.com/google/certificate-transparency-go v1.4.0
	github.com/transparency-dev/merkle v0.0.2
)

require (
	filippo.io/torchwood v0.8.0 // indirect
	github.com/go-logr/logr v1.4.3 // indirect
	golang.org/x/crypto v0.48.0 // indirect
	golang.org/x/mod v0.32.0 // indirect
	golang.org/x/sync v0.19.0 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
	k8s.io/klog/v2 v2.130.1 // indirect
)
