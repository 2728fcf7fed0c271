//go:build integration

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/software"
	"github.com/overcloud/overcloud/internal/testbin"
	"github.com/overcloud/overcloud/workflows"
)

// software is a stage with the images of third-party software and the environment of the example specifications.
func newSoftware(t *testing.T, recipes ...software.Recipe) (*stage, map[string]string) {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "db-password")
	require.NoError(t, os.WriteFile(secret, []byte(password), 0o600))
	s := newStage(t, lab.Options{Boxes: 2})
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	builder := software.Builder{Cache: filepath.Join(cache, "overcloud-lab", "software"), Say: func(text string) { t.Log(text) }}
	require.NoError(t, s.lab.PushSoftware(t.Context(), builder, recipes...))
	boxes := s.lab.Boxes()
	environment := map[string]string{
		"OVERCLOUD_REGISTRY": s.lab.Registry().Host(), "ENGINE_1": boxes[0].Engine, "ENGINE_2": boxes[1].Engine,
		"ENGINE_TLS": boxes[0].TLS, "DB_PASSWORD_FILE": secret,
	}
	for name, value := range environment {
		s.extra = append(s.extra, name+"="+value)
	}
	return s, environment
}

const password = "correct horse battery staple"

func recipe(t *testing.T, names ...string) (found []software.Recipe) {
	t.Helper()
	for _, one := range software.Recipes() {
		for _, name := range names {
			if one.Name == name {
				found = append(found, one)
			}
		}
	}
	require.Len(t, found, len(names))
	return found
}

func TestThirdPartySoftwareIsDeployedByEnvironmentAlone(t *testing.T) {
	for _, orchestrator := range []string{"engine", "swarm"} {
		t.Run(orchestrator, func(t *testing.T) {
			s, _ := newSoftware(t, recipe(t, "debian/nginx", "debian/postgresql", "debian/adminer")...)
			s.extra = append(s.extra, "ORCHESTRATOR="+orchestrator)
			file := filepath.Join(testbin.Root(t), "specs", "web-app-db", "compose.yaml")
			out, code := s.starter("apply", file)
			require.Zero(t, code, out)
			t.Log(out)
			status := s.until("web-app-db", time.Minute, "it runs", func(status workflows.Status) bool { return status.Phase == workflows.PhaseTuning })
			proven := 0
			for _, f := range status.Functions {
				for _, p := range f.Probes {
					require.True(t, p.Connected, "%s to %s: %s", f.Function, p.Address, p.Fault)
					proven++
				}
			}
			require.Equal(t, 3, proven, "web to app, and two replicas of app to db")
			logIn(t, "http://"+s.lab.Boxes()[0].Address+":8088")
			out, code = s.starter("plan", file)
			require.Zero(t, code, "applied again there is nothing to do: %s", out)
			report := s.down("web-app-db", true)
			require.Empty(t, report.Stayed)
			for _, box := range s.lab.Boxes() {
				require.Empty(t, s.containers(box, "web-app-db"))
			}
		})
	}
}

// logIn goes the way of a person: through nginx to Adminer, and with the database's password into PostgreSQL.
func logIn(t *testing.T, web string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar, Timeout: 15 * time.Second}
	form := url.Values{
		"auth[driver]": {"pgsql"}, "auth[server]": {"db:5432"}, "auth[username]": {"shop"}, "auth[password]": {password}, "auth[db]": {"shop"},
	}
	answer, err := browser.PostForm(web+"/", form)
	require.NoError(t, err)
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, string(page))
	require.Contains(t, string(page), "Schema: public", "Adminer shows what is in the database")
}

func TestApacheKafkaCarriesRecordsBetweenBoxes(t *testing.T) {
	for _, orchestrator := range []string{"engine", "swarm"} {
		t.Run(orchestrator, func(t *testing.T) {
			s, _ := newSoftware(t, recipe(t, "apache/kafka")...)
			s.extra = append(s.extra, "ORCHESTRATOR="+orchestrator)
			out, code := s.starter("apply", filepath.Join(testbin.Root(t), "specs", "apache-kafka", "compose.yaml"))
			require.Zero(t, code, out)
			status := s.until("apache-kafka", time.Minute, "it runs", func(status workflows.Status) bool { return status.Phase == workflows.PhaseTuning })
			if orchestrator == "engine" { // in a swarm the broker advertises its name on the overlay
				produce(t, s.lab.Boxes()[1].Address+":9092")
			}
			for _, f := range status.Functions {
				if f.Function == "topics" {
					require.Equal(t, workflows.StateCompleted, f.State)
				}
			}
			require.Empty(t, s.down("apache-kafka", true).Stayed)
		})
	}
}

// produce writes from outside, through the published port, and reads the records back.
func produce(t *testing.T, broker string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic("readings"),
		kgo.ConsumeTopics("readings"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	require.NoError(t, err)
	defer client.Close()
	const records = 100
	for i := range records {
		require.NoError(t, client.ProduceSync(ctx, kgo.StringRecord(fmt.Sprintf("reading %d", i))).FirstErr())
	}
	read := 0
	for read < records {
		fetches := client.PollFetches(ctx)
		require.NoError(t, fetches.Err())
		read += fetches.NumRecords()
	}
	require.Equal(t, records, read)
}
