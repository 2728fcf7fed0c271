package spec

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSplitImage(t *testing.T) {
	for ref, want := range map[string][2]string{
		"kafka":                                    {"docker.io", "library/kafka"},
		"kafka:4":                                  {"docker.io", "library/kafka"},
		"apache/kafka:4":                           {"docker.io", "apache/kafka"},
		"docker.io/kafka":                          {"docker.io", "library/kafka"},
		"index.docker.io/apache/kafka":             {"docker.io", "apache/kafka"},
		"localhost/kafka":                          {"localhost", "kafka"},
		"127.0.0.1:5000/overcloud/kafka:dev":       {"127.0.0.1:5000", "overcloud/kafka"},
		"r.example/kafka@sha256:1111":              {"r.example", "kafka"},
		"r.example:5000/a/b/kafka:dev@sha256:1111": {"r.example:5000", "a/b/kafka"},
	} {
		host, path := SplitImage(ref)
		require.Equal(t, want, [2]string{host, path}, ref)
	}
}

func TestImageSources(t *testing.T) {
	registries := []Registry{
		{Host: "docker.io", Mirrors: []string{"mirror.lan:5000"}},
		{Host: "r.example", Mirrors: []string{"https://mirror.lan:5000/cache/", "other.lan"}, Mode: ModeStrict, Credentials: "up", CA: "/up.pem"},
		{Host: "mirror.lan:5000", Credentials: "m", CA: "/m.pem"},
		{Host: "plain.example", Credentials: "p"},
	}
	mirror := func(repository, credentials, ca string) ImageSource {
		return ImageSource{Repository: repository, Credentials: credentials, CA: ca, Mirror: true}
	}
	for ref, want := range map[string][]ImageSource{
		"kafka:4":                  {mirror("mirror.lan:5000/library/kafka", "m", "/m.pem"), {Repository: "docker.io/library/kafka"}},
		"r.example/kafka:dev":      {mirror("mirror.lan:5000/cache/kafka", "m", "/m.pem"), mirror("other.lan/kafka", "", "")},
		"plain.example/kafka":      {{Repository: "plain.example/kafka", Credentials: "p"}},
		"unknown.example/kafka:1":  {{Repository: "unknown.example/kafka"}},
		"mirror.lan:5000/kafka:1a": {{Repository: "mirror.lan:5000/kafka", Credentials: "m", CA: "/m.pem"}},
	} {
		require.Equal(t, want, ImageSources(ref, registries), ref)
	}
}
