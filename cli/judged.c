#include "cli/judged.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/file.h"
#include "sagas/judge.h"

static bool has_sagas(const char *history)
{
	struct buffer path = BUFFER_EMPTY;
	json_t *meta;
	bool has;

	buffer_format(&path, "%s/meta.json", history);
	meta = json_load_file(path.data, 0, NULL);
	has = json_array_size(json_object_get(meta, "sagas")) > 0;
	json_decref(meta);
	buffer_release(&path);
	return has;
}

static bool write_verdicts(const struct verdicts *verdicts, const char *path, struct error *err)
{
	json_t *json = verdicts_to_json(verdicts);
	char *text = json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
	bool good = text ? file_write(path, text_of(text), err) :
			   error_set(err, "cannot write '%s': something in it is not JSON", path);

	free(text);
	json_decref(json);
	return good;
}

static bool write_witnesses(const struct verdicts *verdicts, const char *path, struct error *err)
{
	struct buffer text = BUFFER_EMPTY;
	bool good = true;

	verdicts_print(verdicts, &text);
	if (text.length)
		good = file_write(path, buffer_text(&text), err);
	buffer_release(&text);
	return good;
}

bool judge_directory(const char *directory, struct error *err)
{
	struct buffer history = BUFFER_EMPTY, json = BUFFER_EMPTY, words = BUFFER_EMPTY;
	struct verdicts *verdicts = NULL;
	bool good = true;

	buffer_format(&history, "%s/history", directory);
	buffer_format(&json, "%s/verdicts.json", history.data);
	buffer_format(&words, "%s/witnesses.txt", directory);
	if (has_sagas(history.data)) {
		unlink(json.data);
		unlink(words.data);
		verdicts = judge_history(history.data, err);
		good = verdicts && write_verdicts(verdicts, json.data, err) &&
		       write_witnesses(verdicts, words.data, err);
	}
	verdicts_free(verdicts);
	buffer_release(&history);
	buffer_release(&json);
	buffer_release(&words);
	return good;
}
