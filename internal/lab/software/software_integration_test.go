//go:build integration

package software_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/lab/software"
)

// cache outlives the tests: what it holds took minutes of fetching.
func cache(t *testing.T) string {
	t.Helper()
	folder, err := os.UserCacheDir()
	if err != nil {
		folder = t.TempDir() // a user without a home fetches anew
	}
	return filepath.Join(folder, "overcloud-lab", "software")
}

func TestAnImageIsTheSameEachTimeAndRunsItsScript(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	builder := software.Builder{Cache: cache(t), Say: func(text string) { t.Log(text) }}
	for _, recipe := range software.Recipes() {
		t.Run(recipe.Name, func(t *testing.T) {
			begun := time.Now()
			image, err := builder.Image(ctx, recipe)
			require.NoError(t, err)
			first, err := image.Digest()
			require.NoError(t, err)
			again, err := builder.Image(ctx, recipe)
			require.NoError(t, err)
			second, err := again.Digest()
			require.NoError(t, err)
			require.Equal(t, first, second)
			config, err := image.ConfigFile()
			require.NoError(t, err)
			require.Equal(t, []string{"/entrypoint"}, config.Config.Entrypoint)
			size := int64(0)
			layers, err := image.Layers()
			require.NoError(t, err)
			for _, layer := range layers {
				n, err := layer.Size()
				require.NoError(t, err)
				size += n
			}
			t.Logf("%d layers, %.1f MB compressed, %s", len(layers), float64(size)/1e6, time.Since(begun).Round(time.Second))
		})
	}
}
