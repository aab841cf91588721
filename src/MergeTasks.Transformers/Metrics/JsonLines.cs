using System.Text.Json;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Metrics;

/// <summary>Reads samples from JSONL files: one object per line, empty lines skipped, unknown keys ignored.</summary>
internal static class JsonLines
{
    /// <summary>Lines <c>{"text": …}</c>.</summary>
    /// <exception cref="ModelException">A line is not such an object, or the file cannot be read.</exception>
    public static IReadOnlyList<string> ReadTexts(string path) => Read(path, line => line.Text("text"));

    /// <summary>Lines <c>{"prompt": …, "target": …}</c>.</summary>
    /// <inheritdoc cref="ReadTexts"/>
    public static IReadOnlyList<TaskSample> ReadTasks(string path) =>
        Read(path, line => new TaskSample(line.Text("prompt"), line.Text("target")));

    /// <summary>Lines <c>{"prompt": …, "choices": […], "answer": index}</c>.</summary>
    /// <inheritdoc cref="ReadTexts"/>
    public static IReadOnlyList<ChoiceSample> ReadChoices(string path) => Read(path, line =>
    {
        var choices = line.Texts("choices");
        var answer = line.Index("answer");
        return choices.Count >= 2 && answer < choices.Count
            ? new ChoiceSample(line.Text("prompt"), choices, answer)
            : throw line.Bad("needs at least 2 'choices' and an 'answer' that is the index of one of them");
    });

    /// <summary>Lines <c>{"text": …, "label": …}</c>; the label is an index or one of the given names.</summary>
    /// <inheritdoc cref="ReadTexts"/>
    /// <param name="path">The file.</param>
    /// <param name="labels">The model's labels, see <see cref="ModelDescription.Labels"/>.</param>
    public static IReadOnlyList<LabelSample> ReadLabels(string path, IReadOnlyList<string> labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        return Read(path, line => new LabelSample(line.Text("text"), line.Label("label", labels)));
    }

    private static List<T> Read<T>(string path, Func<Line, T> read)
    {
        try
        {
            return [.. JsonLineFile.Read(path).Select(line => read(new Line(path, line.Line, line.Json)))];
        }
        catch (FileFault e)
        {
            throw new ModelException(ModelError.BadInput, e.Message, path, e);
        }
    }

    private sealed record Line(string Path, int Number, JsonElement Json)
    {
        public string Text(string key) => Value(key)?.AsText() ?? throw Bad($"needs a text '{key}'");

        public IReadOnlyList<string> Texts(string key) =>
            Value(key) is { ValueKind: JsonValueKind.Array } list
                ? [.. list.EnumerateArray().Select(entry => entry.AsText() ?? throw Bad($"needs a list of texts '{key}'"))]
                : throw Bad($"needs a list of texts '{key}'");

        public int Index(string key) =>
            Value(key) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt32(out var index) && index >= 0
                ? index
                : throw Bad($"needs an index '{key}', 0 or more");

        public int Label(string key, IReadOnlyList<string> labels)
        {
            if (Value(key) is { ValueKind: JsonValueKind.String })
            {
                var name = Text(key);
                for (var i = 0; i < labels.Count; i++)
                    if (labels[i] == name)
                        return i;
                throw Bad($"has the label '{name}'; the model's labels are {string.Join(", ", labels)}");
            }

            var index = Index(key);
            return index < labels.Count ? index : throw Bad($"has the label {index}; the model's labels are 0 to {labels.Count - 1}");
        }

        public ModelException Bad(string what) => new(ModelError.BadInput, $"'{Path}', line {Number} {what}.", Path);

        private JsonElement? Value(string key) =>
            Json.ValueKind == JsonValueKind.Object && Json.TryGetProperty(key, out var value) ? value : null;
    }
}
