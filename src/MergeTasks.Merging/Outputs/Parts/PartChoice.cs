using System.Globalization;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Merging.Outputs.Parts;

/// <summary>Which part of an output one machine makes: some of its weight files, those next to each other.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Count">How many parts there are.</param>
internal sealed record PartChoice(int Number, int Count)
{
    /// <summary>What stands in the place of a choice to put finished parts together.</summary>
    public const string Assemble = "assemble";

    /// <summary>Reads <c>2/4</c>.</summary>
    /// <returns><see langword="null"/> for an empty text, and for <see cref="Assemble"/>.</returns>
    /// <exception cref="DiagnosticException">Anything else.</exception>
    public static PartChoice? Parse(string text, SourceLocation? location)
    {
        text = text.Trim();
        if (text.Length == 0 || IsAssemble(text))
            return null;
        return text.Split('/') is [var number, var count]
            && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var own)
            && int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var all)
            && own >= 1 && own <= all
                ? new(own, all)
                : throw new DiagnosticException(
                    DiagnosticCode.InvalidValue,
                    $"MergeShard is i/n, such as 2/4 for the second of four machines, or '{Assemble}', not '{text}'.",
                    location);
    }

    /// <summary>Whether a text asks for finished parts to be put together.</summary>
    public static bool IsAssemble(string text) => text.Trim().Equals(Assemble, StringComparison.OrdinalIgnoreCase);

    /// <summary>The weight files of this part.</summary>
    /// <param name="shards">All of the output's.</param>
    public IEnumerable<Shard> Of(IReadOnlyList<Shard> shards)
    {
        var (start, end) = ((long)shards.Count * (Number - 1) / Count, (long)shards.Count * Number / Count);
        return shards.Take((int)end).Skip((int)start);
    }

    /// <summary>Name of the folder that gets it.</summary>
    public string FolderName => string.Create(CultureInfo.InvariantCulture, $"{Number}-of-{Count}");

    /// <summary>Whether a folder's name is that of a part.</summary>
    public static bool IsFolderName(string name) =>
        name.Split("-of-") is [var number, var count] && number.All(char.IsAsciiDigit) && count.All(char.IsAsciiDigit);

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Number}/{Count}");
}
