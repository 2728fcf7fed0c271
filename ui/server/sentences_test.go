package server

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The sentences of the rules are made in Go, in English, and translated on the page by patterns. These tests hold the
// patterns against the sources and against the golden sentences: a sentence that somebody adds or rewords has no Korean
// until it is there too.

const patternsFile = "assets/i18n/sentences_ko.js"

// patterns reads the list, which is JSON behind its comment.
func patterns(t *testing.T) [][2]string {
	t.Helper()
	text, err := os.ReadFile(patternsFile)
	require.NoError(t, err)
	_, list, found := strings.Cut(string(text), "export default ")
	require.True(t, found)
	var all [][2]string
	require.NoError(t, json.Unmarshal([]byte(strings.TrimSuffix(strings.TrimSpace(list), ";")), &all))
	require.NotEmpty(t, all)
	return all
}

var blank = regexp.MustCompile(`\{([a-z])\d\}`)

// What a blank stands for, as sentences.js has it.
const aNumber = `[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?`

var stands = map[string]string{
	"n": aNumber, "d": `(?:[\d.]+(?:ns|µs|ms|h|m|s))+|[\d.]+ (?:s|min|h|days)|an unknown time`,
	"b": "the band " + aNumber + " to " + aNumber, "l": aNumber + " to " + aNumber + " °C",
	"t": `\d\d:\d\d:\d\dZ|\d+ [A-Z][a-z]{2} \d\d:\d\dZ`, "w": `[^\s:;,]+`, "m": `[^\s:;,]+(?: and [^\s:;,]+)*`,
	"p": "low|normal|high", "s": ".+?", "x": ".*?",
}

// rule is a pattern, ready to match; nested are the numbers of the groups that are sentences themselves.
type rule struct {
	match  *regexp.Regexp
	nested []int
}

func rules(t *testing.T) []rule {
	t.Helper()
	var all []rule
	for _, p := range patterns(t) {
		var r rule
		source, end := "", 0
		for i, at := range blank.FindAllStringSubmatchIndex(p[0], -1) {
			kind := p[0][at[2]:at[3]]
			require.Contains(t, stands, kind, p[0])
			source += regexp.QuoteMeta(p[0][end:at[0]]) + "(" + stands[kind] + ")"
			end = at[1]
			if kind == "s" {
				r.nested = append(r.nested, i+1)
			}
		}
		r.match = regexp.MustCompile("(?s)^" + source + regexp.QuoteMeta(p[0][end:]) + "$")
		all = append(all, r)
	}
	return all
}

// translates says whether a sentence, and every sentence in it, has a pattern.
func translates(all []rule, sentence string) bool {
	return slices.ContainsFunc(all, func(r rule) bool {
		groups := r.match.FindStringSubmatch(sentence)
		return groups != nil && !slices.ContainsFunc(r.nested, func(i int) bool { return !translates(all, groups[i]) })
	})
}

func TestEveryPatternSaysInKoreanWhatItSaysInEnglish(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range patterns(t) {
		require.False(t, seen[p[0]], "twice: %s", p[0])
		seen[p[0]] = true
		blanks := func(text string) []string {
			all := blank.FindAllString(text, -1)
			slices.Sort(all)
			return slices.Compact(all)
		}
		english := slices.DeleteFunc(blanks(p[0]), func(b string) bool {
			return strings.Contains(p[0], "fan "+b) || strings.Contains(p[0], "told "+b+" {n1} °C") // how an air conditioner spells its state
		})
		require.Equal(t, english, blanks(p[1]), "%s: %s", p[0], p[1])
		if words := strings.ReplaceAll(blank.ReplaceAllString(p[0], ""), "coap", ""); regexp.MustCompile(`[a-z]{2}`).MatchString(words) {
			require.Regexp(t, `\p{Hangul}`, p[1], p[0])
		}
	}
}

// golden are the sentences of the rules' golden tests, each as a person would read it.
func golden(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../internal/control/testdata/*/want.txt")
	require.NoError(t, err)
	head := regexp.MustCompile(`^[\d:]+ +(?:alert (?:began|ended) \S+(?: \(\w+\))?: |(?:\S+ )?[a-z-]+: )`)
	var all []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			if line = strings.TrimSpace(line); line != "" {
				require.Regexp(t, head, line)
				all = append(all, head.ReplaceAllString(line, ""))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// more are sentences that the golden tests do not reach, above all those that are put together of others.
func more() []string {
	return []string{
		"start: the policy's 24 °C until the rules know better",
		"override by kim; lee until 24 Nov 14:05Z: it's hot; very: 3 °C",
		"inlet 25.4 °C is inside the band 25.0 to 26.5; the optimiser says 24 °C: 812 W against 850 W at 23 (coolers 600 W, fans 212 W); coolers -2.0 ± 0.5 % for each K, sure 0.93, but it only advises",
		"the optimiser says 25 °C, to learn for 1h0m0s what warmth costs here: 812 W against 850 W at 24 (coolers 600 W, fans 212 W); coolers -2.0 ± 0.5 % for each K, sure 0.43; changed 5m0s ago, steps warmer are 15m0s apart",
		"the optimiser says 25 °C, 1 of 2 machines one more: 812 W against 850 W at 24 (coolers 600 W, fans 212 W); coolers -2.0 ± 0.5 % for each K, sure 0.43, but one sensor shows 27.1",
		"the optimiser says 25 °C draw least, but the inlet changed by +5.1 K in 15 min, at most 5",
		"mean inlet 24.0 °C is below the band 25.0 to 26.5, but ac1 and ac2 cannot be counted on",
		"inlet 28.0 °C is above 27.5 for 3m0s; ac1 has had 12 commands in an hour, at most 12; ac2 runs for 2m0s only, at least 5m0s",
		"inlet 28.0 °C is above 27.5 for 3m0s; lowered 20s ago, fast steps are 1m0s apart",
		"mean inlet 23.0 °C is below the band 25.0 to 26.5 for 15m0s, 32 °C is 6m20s away without cooling: 22 -> 23 °C; a person's override holds, automatic stays at 22 °C",
		"no good reading yet: waiting until 1m30s have passed",
		"emergency since 10:21:00Z, and no sensor can be trusted now: 18 °C",
		"24 °C is warmer than the emergency's 18: inlet 32.4 °C is at or above 32.0, critical",
		"the override o-1 of high priority holds", "the newer override 9f3a holds", "40 °C is outside the limits 18 to 27 °C",
		"ac1: 24 °C was sent 4 times and not confirmed", "ac1: 24 °C is confirmed", "infrared echo 0x880095E",
		"refresh: infrared echo 0x880095E", "rejected: setpoint 40 °C is outside 18 to 27 °C",
		"ac1: told 20 °C at 26.1 °C of return air, but power 20 W is not above 150 W, supply 25.0 °C is 1.1 K under return after 12m0s",
		"ac2: it still cools: power 900 W above 150 W", "ac1 was told cool 24 °C, fan auto 4 times: no infrared echo within 2s",
		"sensor 3: bad in 5 of 6 samples of the last 1m0s, now: step of +9.5 K within 10s",
		"the queue of temp is 81 % full with 4000 records, 12 lost", "no lease for 5m0s: at most 22 °C, colder only",
		"box rack-1: no numbers at 3 polls in a row: connection refused",
		"box rack-1 started anew: it is up for 40 s, and was for 12.1 days; restart 3 within an hour",
		"disk / of rack-1 is 81 % full and grows by 0.5 %/h (7.1 %/day to 0.6 %/h, over 6 h): full in 38 h",
		"people are not told by mail: connection refused",
	}
}

func TestEveryGoldenSentenceOfTheRulesHasKorean(t *testing.T) {
	all := rules(t)
	sentences := append(golden(t), more()...)
	require.Greater(t, len(sentences), 100)
	for _, sentence := range sentences {
		require.True(t, translates(all, sentence), "no Korean for: %s", sentence)
	}
	require.False(t, translates(all, "a sentence that nobody knows"))
	require.False(t, translates(all, "inlet 28.0 °C is above 27.5 for 3m0s; and something new"))
}

// The page's own code must agree, where there is something to run it with.
func TestThePageTranslatesTheSame(t *testing.T) {
	sentences := append(append(golden(t), more()...), "a sentence that nobody knows")
	var said []struct{ Text, Lang string }
	node(t, []string{"i18n/sentences.js", "i18n/sentences_ko.js"}, `import { say } from "./sentences.js"; import fs from "node:fs";
console.log(JSON.stringify(JSON.parse(fs.readFileSync(0, "utf8")).map((text) => say(text, "ko"))));`, sentences, &said)
	require.Len(t, said, len(sentences))
	for i, s := range said[:len(said)-1] {
		require.Equal(t, "ko", s.Lang, sentences[i])
		require.NotContains(t, s.Text, "{", sentences[i])
	}
	last := said[len(said)-1]
	require.Equal(t, "en", last.Lang)
	require.Equal(t, "a sentence that nobody knows", last.Text)
}

// sources are the files whose texts people read as reasons and evidence.
var sources = []string{
	"internal/control/*.go", "internal/anomaly/conditions.go", "internal/anomaly/anomaly.go",
	"edge/aircon/evidence.go", "edge/aircon/sight.go", "edge/plausible/*.go", "edge/agent/guard.go", "edge/agent/trouble.go", "edge/agent/judgement.go",
	"workflows/tune_obey.go", "workflows/tune_state.go", "worker/notify/own.go",
}

// composed are texts that are no sentences of their own: what they join is looked for by itself, or what they are is said.
var composed = map[string]string{
	"%s for %s%s":           "joins",
	"inlet %.1f °C %s":      "joins with what changed",
	"%d to %d °C":           "limits, blank l",
	"the band %.1f to %.1f": "blank b",
	"2 Jan 15:04Z":          "a time, blank t",
	"priority %q is unknown: write low, normal or high":        "answers a person's own request",
	"told %s at %s, and %s":                                    "the state is spelled by package infrared",
	"hand remote":                                              "a source",
	"nobody decides for a room: fail-safe":                     "of the log",
	"no sensor of a room can be believed: fail-safe":           "of the log",
	"there is no air conditioner %q in room %s (there are %s)": "an error",
	"there is no air conditioner %s/%s here":                   "an error",
	"it is of room %q":                                         "an error",
	"%s is at or above %.1f":                                   "the inlet goes in",
	"inlet %.1f °C, %s":                                        "the optimiser's word goes in",
	"%s lags again: the others suffice for %s%s":               "the outlook follows",
	"supply %.1f °C is %.1f K over %s":                         "return or the inlets go in",
	"supply %.1f °C is %.1f K under %s":                        "the same",
	"box %s started anew: it is up for %s, and was for %s%s":   "how often follows",
	"disk %s of %s is %.0f %% full and grows by %s (%s to %s, over %s): full in %s": "rates go in",
	"emergency of ": "of the audit",
	"%d °C for %s":  "of the audit",
	"an alert of the notifier's own could not be published": "of the log",
	"confirmation of ":              "of the timers and records",
	" is due":                       "of the timers and records",
	"the intent is published again": "of the timers and records",
	"command of ":                   "of the timers and records",
	"answer to ":                    "of the timers and records",
	"the shelving of ":              "of the timers and records",
	"ended: its time is over":       "of the audit",
}

func TestEveryTextOfTheRulesIsInAPattern(t *testing.T) {
	verb := regexp.MustCompile(`%[-+# 0]*\d*(?:\.\d+)?[a-z]`)
	plain := func(format string) string {
		return strings.ReplaceAll(verb.ReplaceAllString(strings.ReplaceAll(format, "%%", "\x00"), "▢"), "\x00", "%")
	}
	var known []string
	for _, p := range patterns(t) {
		known = append(known, blank.ReplaceAllString(p[0], "▢"))
	}
	found, used := 0, map[string]bool{}
	for text, at := range literals(t) {
		if _, is := composed[text]; is {
			used[text] = true
			continue
		}
		found++
		if !slices.ContainsFunc(known, func(p string) bool { return strings.Contains(p, plain(text)) }) {
			t.Errorf("%s: no Korean for %q", at, text)
		}
	}
	require.Greater(t, found, 120, "the sources were not read")
	for text := range composed {
		if !used[text] {
			t.Errorf("nothing says this any more: %q", text)
		}
	}
}

// literals are the texts with a space in them of the sources, each with where it stands.
func literals(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range sources {
		files, err := filepath.Glob("../../" + pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files, pattern)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			parsed, err := parser.ParseFile(set, file, nil, 0)
			require.NoError(t, err)
			ast.Inspect(parsed, func(node ast.Node) bool {
				switch n := node.(type) {
				case *ast.Field, *ast.ImportSpec:
					return false
				case *ast.BasicLit:
					if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil && worded(text) {
						all[text] = strings.TrimPrefix(set.Position(n.Pos()).String(), "../../")
					}
				}
				return true
			})
		}
	}
	return all
}

// worded says whether a text has a word and a space: it is no name.
func worded(text string) bool {
	return strings.Contains(strings.TrimSpace(text), " ") && regexp.MustCompile(`[a-z]{2}`).MatchString(text)
}
