package lab

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// digest asks the registry behind the variants what a tag is.
func (l *Lab) digest(ctx context.Context, repository, tag string) (string, error) {
	url := "http://" + l.backend.Address() + "/v2/" + repository + "/manifests/" + tag
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("ask for the digest of %s: %w", url, err)
	}
	answer.Body.Close() // of a HEAD it is empty
	digest := answer.Header.Get("Docker-Content-Digest")
	if answer.StatusCode != http.StatusOK || digest == "" {
		return "", fmt.Errorf("ask for the digest of %s: %s", url, answer.Status)
	}
	return digest, nil
}

func sortedKeys(m map[string][]byte) []string { return slices.Sorted(maps.Keys(m)) }
