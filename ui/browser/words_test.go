package browser

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const assets = "../server/assets"

// message is a text with its plural forms, if it has any.
type message map[string]string // "" for the only form

// dictionary is what i18n/*.js hold, by language and key.
type dictionary map[string]map[string]message

// TestBothLanguagesAreComplete: every text that the page asks for exists in English and in Korean, with the same blanks; no
// text stands twice, and none is there that nobody asks for.
func TestBothLanguagesAreComplete(t *testing.T) {
	words := readDictionary(t)
	require.Greater(t, len(words["en"]), 50, "the texts were found")
	for key, english := range words["en"] {
		korean, known := words["ko"][key]
		if !known {
			t.Errorf("%s has no Korean", key)
			continue
		}
		require.Equal(t, blanks(english), blanks(korean), "the blanks of %s", key)
		for form, text := range korean {
			require.NotEmpty(t, text, "%s says nothing in Korean (%s)", key, form)
		}
	}
	for key := range words["ko"] {
		require.Contains(t, words["en"], key, "it has no English")
	}
	asked := readAsked(t)
	require.Greater(t, len(asked.keys), 50, "the uses were found")
	for key, where := range asked.keys {
		if _, known := words["en"][key]; !known {
			t.Errorf("%s asks for %s, which does not exist", where, key)
		}
	}
	for key := range words["en"] {
		if !asked.has(key) {
			t.Errorf("nobody asks for %s", key)
		}
	}
}

// blanks are the names in braces, sorted, of all forms together.
func blanks(m message) []string {
	var names []string
	for _, text := range m {
		for _, found := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(text, -1) {
			names = append(names, found[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// asked is what the scripts ask for.
type asked struct {
	keys     map[string]string // by key, the file
	literals map[string]bool   // every string of theirs: a key may come by way of a table
	patterns []*regexp.Regexp  // of keys that are put together: t(`mode.${mode}`)
}

func (a asked) has(key string) bool {
	return a.literals[key] || slices.ContainsFunc(a.patterns, func(p *regexp.Regexp) bool { return p.MatchString(key) })
}

func readAsked(t *testing.T) asked {
	t.Helper()
	a := asked{keys: map[string]string{}, literals: map[string]bool{}}
	said, literal := regexp.MustCompile(`\bt\(\s*"([^"]+)"`), regexp.MustCompile(`"([a-z_]+\.[A-Za-z0-9_.-]+)"`)
	composed, hole := regexp.MustCompile("`([a-z_]+\\.[^`\\s<>]*\\$\\{[^`]*)`"), regexp.MustCompile(`\$\{[^}]*\}`)
	for path, text := range scripts(t) {
		if strings.Contains(path, "/i18n/") {
			continue
		}
		for _, found := range said.FindAllStringSubmatch(text, -1) {
			a.keys[found[1]] = path
		}
		for _, found := range literal.FindAllStringSubmatch(text, -1) {
			a.literals[found[1]] = true
		}
		for _, found := range composed.FindAllStringSubmatch(text, -1) {
			var parts []string
			for _, part := range hole.Split(found[1], -1) {
				parts = append(parts, regexp.QuoteMeta(part))
			}
			a.patterns = append(a.patterns, regexp.MustCompile("^"+strings.Join(parts, ".+")+"$"))
		}
	}
	return a
}

// scripts are the page's own scripts, by path.
func scripts(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(assets, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".js") || strings.Contains(path, "/lib/") {
			return err
		}
		text, err := os.ReadFile(path)
		found[path] = string(text)
		return err
	}))
	return found
}

func readDictionary(t *testing.T) dictionary {
	t.Helper()
	all := dictionary{"en": {}, "ko": {}}
	for path, text := range scripts(t) {
		_, object, found := strings.Cut(text, "export default {")
		if !found || !strings.Contains(path, "/i18n/") || !strings.Contains(object, "ko:") {
			continue
		}
		area, err := (&reader{text: "{" + object}).object()
		require.NoError(t, err, path)
		for language, texts := range area {
			require.Contains(t, all, language, path)
			require.IsType(t, map[string]any{}, texts, path)
			for key, value := range texts.(map[string]any) {
				require.NotContains(t, all[language], key, "%s has it a second time", path)
				all[language][key] = forms(t, key, value)
			}
		}
	}
	return all
}

func forms(t *testing.T, key string, value any) message {
	t.Helper()
	if text, plain := value.(string); plain {
		return message{"": text}
	}
	m := message{}
	require.IsType(t, map[string]any{}, value, key)
	for form, text := range value.(map[string]any) {
		require.IsType(t, "", text, key)
		m[form] = text.(string)
	}
	require.Contains(t, m, "other", "%s: the form for all other numbers", key)
	return m
}

// reader reads an object of JavaScript whose values are strings and such objects.
type reader struct {
	text string
	at   int
}

func (r *reader) object() (map[string]any, error) {
	object := map[string]any{}
	if err := r.take('{'); err != nil {
		return nil, err
	}
	for {
		r.space()
		if r.peek() == '}' {
			r.at++
			return object, nil
		}
		key, err := r.key()
		if err != nil {
			return nil, err
		}
		if _, twice := object[key]; twice {
			return nil, fmt.Errorf("%s stands twice", key)
		}
		if err := r.take(':'); err != nil {
			return nil, err
		}
		if object[key], err = r.value(); err != nil {
			return nil, err
		}
		if r.space(); r.peek() == ',' {
			r.at++
		}
	}
}

func (r *reader) value() (any, error) {
	if r.space(); r.peek() == '{' {
		return r.object()
	}
	text, err := r.quoted()
	for r.space(); err == nil && r.peek() == '+'; r.space() {
		r.at++
		r.space()
		var more string
		more, err = r.quoted()
		text += more
	}
	return text, err
}

func (r *reader) key() (string, error) {
	if c := r.peek(); c == '"' || c == '\'' {
		return r.quoted()
	}
	name := regexp.MustCompile(`^[A-Za-z_]\w*`).FindString(r.text[r.at:])
	if name == "" {
		return "", r.bad("a key")
	}
	r.at += len(name)
	return name, nil
}

func (r *reader) quoted() (string, error) {
	quote := r.peek()
	if quote != '"' && quote != '\'' && quote != '`' {
		return "", r.bad("a string")
	}
	var text strings.Builder
	for r.at++; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; c {
		case quote:
			r.at++
			return text.String(), nil
		case '\\':
			r.at++
			text.WriteByte(r.text[r.at])
		default:
			text.WriteByte(c)
		}
	}
	return "", r.bad("the end of a string")
}

// space passes over white space and comments.
func (r *reader) space() {
	r.at += len(regexp.MustCompile(`^(\s|//[^\n]*\n|/\*(?s:.*?)\*/)*`).FindString(r.text[r.at:]))
}

func (r *reader) peek() byte {
	if r.at >= len(r.text) {
		return 0
	}
	return r.text[r.at]
}

func (r *reader) take(c byte) error {
	if r.space(); r.peek() != c {
		return r.bad(string(c))
	}
	r.at++
	return nil
}

func (r *reader) bad(want string) error {
	return fmt.Errorf("there is no %s at %.60q", want, r.text[min(r.at, len(r.text)):])
}
