package notify

import (
	"html/template"
	"strings"

	"github.com/overcloud/overcloud/internal/wire"
)

// page is the notice for mail programs that show HTML. Nothing in it is fetched from anywhere, and all that stands in
// the text stands there too.
const page = `<!doctype html><html><body style="margin:0;font-family:sans-serif;color:#222">
<div style="border-left:8px solid {{.Colour}};padding:8px 16px">
<h2 style="font-size:18px;margin:4px 0">{{.Subject}}</h2>
<table cellpadding="4" style="border-collapse:collapse;font-size:14px">
{{range .Lines}}<tr style="vertical-align:top"><td style="color:{{.Colour}};white-space:nowrap"><b>{{.State}}</b></td><td>{{.Says}}<br><span style="color:#777">{{.ID}}</span></td></tr>
{{end}}</table>{{if .More}}<p>and {{.More}} more</p>{{end}}
<pre style="color:#555;font-size:12px;white-space:pre-wrap">{{.Text}}</pre>
</div></body></html>
`

func colour(event, severity string) string {
	switch {
	case event == EventEnded:
		return "#2e7d32"
	case severity == wire.SeverityCritical:
		return "#b71c1c"
	case severity == wire.SeverityHigh:
		return "#e65100"
	}
	return "#f9a825"
}

// HTML is the notice as a page; empty if it cannot be written.
func (n Notice) HTML() string {
	type row struct{ Colour, State, Says, ID string }
	view := struct {
		Colour, Subject, Text string
		Lines                 []row
		More                  int
	}{Colour: colour(n.Event, n.Severity), Subject: n.Subject, Text: n.Text}
	for i, line := range n.Alerts {
		if i == mostLines {
			view.More = len(n.Alerts) - mostLines
			break
		}
		state := strings.ToUpper(line.Alert.Severity)
		if line.Event == EventEnded {
			state = "ENDED"
		}
		view.Lines = append(view.Lines, row{colour(line.Event, line.Alert.Severity), state, line.Says, line.Alert.ID})
	}
	parsed, err := template.New("notice").Parse(page)
	if err != nil {
		return ""
	}
	var b strings.Builder
	if parsed.Execute(&b, view) != nil {
		return ""
	}
	return b.String()
}
