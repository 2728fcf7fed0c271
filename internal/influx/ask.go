package influx

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	apihttp "github.com/influxdata/influxdb-client-go/v2/api/http"
)

// answered is a refusal as the client library tells it, for explain.
func answered(answer *http.Response, text []byte) error {
	var told struct {
		Message string `json:"message"` // of 2.x
		Error   string `json:"error"`   // of 1.8
	}
	if json.Unmarshal(text, &told) != nil {
		told.Message = string(text)
	}
	return &apihttp.Error{StatusCode: answer.StatusCode, Message: cmp.Or(told.Message, told.Error), Header: answer.Header}
}

// do asks the server and gives its answer when it is a good one; the error is the client library's kind, for explain.
func (c *Client) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.config.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if strings.HasPrefix(path, "/query") {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.config.Token != "" {
		request.Header.Set("Authorization", "Token "+c.config.Token)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode/100 == 2 {
		return answer, nil
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 8<<10))
	if err != nil {
		return nil, err
	}
	return nil, answered(answer, text)
}
