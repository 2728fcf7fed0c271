package compose

import (
	"fmt"
	"regexp"
	"strings"
)

// variable matches the name at the beginning of a ${…} or $NAME.
func variable() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*`) }

// expand replaces the variables of a value by Compose's rules: $NAME, ${NAME}, ${NAME:-default}, ${NAME-default},
// ${NAME:?message}, ${NAME?message}, ${NAME:+value}, ${NAME+value} and $$ for a dollar sign. It returns the
// names that were plainly used but not set, where Compose too puts nothing. compose-go's own function would
// write those to the process's standard error.
func expand(text string, lookup func(string) (string, bool)) (expanded string, unset []string, err error) {
	var out strings.Builder
	for {
		dollar := strings.IndexByte(text, '$')
		if dollar < 0 {
			out.WriteString(text)
			return out.String(), unset, nil
		}
		out.WriteString(text[:dollar])
		text = text[dollar+1:]
		switch {
		case strings.HasPrefix(text, "$"):
			out.WriteByte('$')
			text = text[1:]
		case strings.HasPrefix(text, "{"):
			end := closing(text)
			if end < 0 {
				return "", nil, fmt.Errorf("${ is not closed: write ${NAME}, or $$ for a dollar sign")
			}
			value, missing, err := braced(text[1:end], lookup)
			if err != nil {
				return "", nil, err
			}
			out.WriteString(value)
			unset = append(unset, missing...)
			text = text[end+1:]
		default:
			name := variable().FindString(text)
			if name == "" {
				return "", nil, fmt.Errorf("$ begins a variable: write ${NAME}, or $$ for a dollar sign")
			}
			value, set := lookup(name)
			if !set {
				unset = append(unset, name)
			}
			out.WriteString(value)
			text = text[len(name):]
		}
	}
}

// closing finds the brace that closes the one at the beginning.
func closing(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '{' && (i == 0 || text[i-1] == '$'):
			depth++
		case text[i] == '}':
			depth--
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}

// braced is the value of what stands between ${ and }.
func braced(inside string, lookup func(string) (string, bool)) (string, []string, error) {
	name := variable().FindString(inside)
	rest := inside[len(name):]
	value, set := lookup(name)
	operator := strings.TrimPrefix(rest, ":")
	filled := set && (value != "" || len(operator) == len(rest)) // with a colon, empty counts as not set
	switch {
	case name == "":
		return "", nil, fmt.Errorf("${%s} names no variable: write ${NAME}, or $$ for a dollar sign", inside)
	case rest == "" && !set:
		return "", []string{name}, nil
	case rest == "":
		return value, nil, nil
	case strings.HasPrefix(operator, "-") && filled, strings.HasPrefix(operator, "?") && filled:
		return value, nil, nil
	case strings.HasPrefix(operator, "-"), strings.HasPrefix(operator, "+") && filled:
		return expand(operator[1:], lookup)
	case strings.HasPrefix(operator, "+"):
		return "", nil, nil
	case strings.HasPrefix(operator, "?"):
		return "", nil, fmt.Errorf("variable %s must be set: %s", name, operator[1:])
	default:
		return "", nil, fmt.Errorf("${%s} is no variable: a name has letters, digits and underscores; placements are written {{function.host}}", inside)
	}
}
