package secret_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/secret"
	"github.com/overcloud/overcloud/internal/spec"
)

func TestResolve(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	write("token", "s3cret\r\n")
	write("lines", "one\ntwo\n\n")
	write("empty", "\n")
	write("big", strings.Repeat("x", 500<<10+1))
	environment := map[string]string{"TOKEN": "from-env", "NOTHING": ""}
	resolver := secret.Resolver{Folder: folder, LookupEnv: func(name string) (string, bool) {
		value, found := environment[name]
		return value, found
	}}

	for _, c := range []struct{ name, from, want, fault string }{
		{"a file loses the editor's line end", "file:token", "s3cret", ""},
		{"a file loses no other line end", "file:lines", "one\ntwo\n", ""},
		{"an absolute file is found", "file:" + filepath.Join(folder, "token"), "s3cret", ""},
		{"a variable is taken as it is", "env:TOKEN", "from-env", ""},
		{"a missing file is named", "file:none", "", "none on the worker: no such file or directory"},
		{"a folder is no secret", "file:.", "", "is no regular file"},
		{"an empty file is no secret", "file:empty", "", "secret x is empty"},
		{"a huge file is some other file", "file:big", "", "has 512001 bytes, a secret at most 512000"},
		{"a missing variable is named", "env:NONE", "", "has no environment variable NONE"},
		{"an empty variable is no secret", "env:NOTHING", "", "secret x is empty"},
		{"another kind is refused", "vault:x", "", `"vault:x" is neither file:PATH nor env:NAME`},
		{"a bare word is refused", "token", "", `"token" is neither file:PATH nor env:NAME`},
		{"a kind alone is refused", "env:", "", `"env:" is neither file:PATH nor env:NAME`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := resolver.Resolve(context.Background(), spec.Secret{Name: "x", From: c.from})
			if c.fault == "" {
				require.NoError(t, err)
				require.Equal(t, c.want, string(got))
				return
			}
			require.ErrorIs(t, err, fault.ErrSecret)
			require.ErrorContains(t, err, c.fault)
			require.Nil(t, got)
		})
	}
}
