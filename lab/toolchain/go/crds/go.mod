// Where the CustomResourceDefinitions come from that the tests hold rendered objects against.
module crds

go 1.26

require (
	github.com/cert-manager/cert-manager v1.21.1
	github.com/prometheus-operator/prometheus-operator v0.93.1
	sigs.k8s.io/gateway-api v1.6.1
)
