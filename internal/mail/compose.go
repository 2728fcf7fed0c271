package mail

import (
	"net/mail"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"
)

// compose makes the message for one of its recipients. All of them stand in its To, so that each sees who else knows.
func (s *Sender) compose(message Message, all []*mail.Address, to *mail.Address) *gomail.Msg {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(s.from)
	m.BccMailAddress(to) // the envelope's only; Bcc is not written
	names := make([]string, len(all))
	for i, address := range all {
		names[i] = address.String()
	}
	m.SetGenHeaderPreformatted("To", strings.Join(names, ",\r\n "))
	m.Subject(oneLine(message.Subject))
	m.SetDateWithValue(message.Date)
	domain := s.from.Address[strings.LastIndexByte(s.from.Address, '@')+1:]
	if message.ID != "" {
		m.SetMessageIDWithValue(identifier(message.ID) + "@" + domain)
	}
	if message.Thread != "" && message.Thread != message.ID {
		first := "<" + identifier(message.Thread) + "@" + domain + ">"
		m.SetGenHeader(gomail.HeaderInReplyTo, first)
		m.SetGenHeader(gomail.HeaderReferences, first)
	}
	if message.List != "" {
		m.SetGenHeader("List-Id", "<"+identifier(message.List)+"."+domain+">")
	}
	m.SetGenHeader("Auto-Submitted", "auto-generated") // no out-of-office answers
	if message.Urgent {
		m.SetImportance(gomail.ImportanceHigh)
	}
	m.SetBodyString(gomail.TypeTextPlain, strings.TrimRight(strings.ToValidUTF8(message.Text, "?"), "\r\n")+"\n")
	if message.HTML != "" {
		m.AddAlternativeString(gomail.TypeTextHTML, message.HTML)
	}
	return m
}

// oneLine keeps a text from beginning a header of its own.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// identifier keeps what a Message-ID may hold.
func identifier(id string) string {
	return strings.Map(func(r rune) rune {
		if r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(".-_", r)) {
			return r
		}
		return '.'
	}, id)
}
