using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Metrics;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Merging.Measuring;

/// <summary>A task-agnostic text as blocks of token ids.</summary>
internal static class CalibrationText
{
    /// <summary>The documents of a <c>.jsonl</c> file (<c>{"text": …}</c>), or of a text file, where blank lines separate them.</summary>
    /// <exception cref="ModelException">The file cannot be read or is malformed.</exception>
    public static IEnumerable<string> Documents(string path)
    {
        if (path.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase))
            return JsonLines.ReadTexts(path);
        try
        {
            return Paragraphs([.. InputFile.ReadTextLines(path)]);
        }
        catch (FileFault e)
        {
            throw new ModelException(ModelError.BadInput, e.Message, path, e);
        }
    }

    /// <summary>
    /// Takes documents in order, without white space around them, with the tokenizer's special tokens, except empty ones and those longer
    /// than a block; joins the first <paramref name="samples"/> and cuts them into blocks, without the tail.
    /// </summary>
    /// <exception cref="DiagnosticException">Not even one block.</exception>
    public static IReadOnlyList<int[]> Blocks(DataFile data, Tokenizer tokenizer, int samples, int block)
    {
        var ids = new List<int>();
        var kept = 0;
        foreach (var document in Documents(data.Path))
        {
            if (kept == samples)
                break;
            var text = document.Trim();
            if (text.Length == 0)
                continue;
            var tokens = tokenizer.Encode(text, addSpecialTokens: true, applyLengthRules: false);
            if (tokens.Length == 0 || tokens.Length > block)
                continue;
            ids.AddRange(tokens);
            kept++;
        }

        if (ids.Count < block)
        {
            throw new DiagnosticException(DiagnosticCode.TooLittleCalibration,
                $"The calibration text '{data.Label}' gives {ids.Count} tokens in {kept} document(s) of at most {block} tokens; one "
                    + $"block has {block}. Add text, or set a smaller AimBlock.", data.Location);
        }

        return [.. Enumerable.Range(0, ids.Count / block).Select(i => ids.GetRange(i * block, block).ToArray())];
    }

    private static IEnumerable<string> Paragraphs(IEnumerable<string> lines)
    {
        var paragraph = new List<string>();
        foreach (var line in lines)
        {
            if (!string.IsNullOrWhiteSpace(line))
            {
                paragraph.Add(line);
                continue;
            }

            if (paragraph.Count > 0)
                yield return string.Join('\n', paragraph);
            paragraph.Clear();
        }

        if (paragraph.Count > 0)
            yield return string.Join('\n', paragraph);
    }
}
