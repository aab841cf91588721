using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Gguf.Format;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Options;

/// <summary>How values of one kind are written.</summary>
/// <typeparam name="T">Type of the values.</typeparam>
/// <param name="Form">What may be written.</param>
/// <param name="Parse">
/// The value of what is written, or what is wrong with it, to follow the option's name. The second argument finds the full path of a named
/// file.
/// </param>
/// <param name="Print">The value as a recipe writes it; empty for none.</param>
internal sealed record OptionKind<T>(
    RecipeForm Form, Func<WrittenOption, Func<WrittenOption, string>, (T Value, string? Fault)> Parse, Func<T, string> Print);

/// <summary>The kinds of values.</summary>
internal static partial class OptionKind
{
    /// <summary>Words that switch off what an option belongs to.</summary>
    internal static readonly string[] Off = ["off", "none", "no", "false"];

    /// <summary>Words that switch it on, and say no more.</summary>
    internal static readonly string[] On = ["on", "yes", "true"];

    /// <summary>True or false.</summary>
    public static OptionKind<bool> Flag { get; } = Of<bool>(
        new RecipeForm.Flag(),
        text => NumberText.ParseFlag(text) is { } flag ? (flag, null) : (false, $"is true or false, not '{text}'."),
        value => value ? "true" : "false");

    /// <summary>A size such as <c>5GB</c>.</summary>
    public static OptionKind<long> Size { get; } = Of<long>(
        new RecipeForm.Text(),
        text => ByteSize.Parse(text) is { } size ? (size, null) : (0, $"is a size such as 5GB, 512MiB or 1000000, not '{text}'."),
        ByteSize.Written);

    /// <summary>An element type to merge in.</summary>
    public static OptionKind<DType> DType { get; } = Of<DType>(
        new RecipeForm.Text([.. DTypes.FloatingPointTorchNames]),
        text => DTypes.FromTorchName(text) is { } type && type.IsFloatingPoint() ? (type, null)
            : (default, $"is '{text}', no element type to merge in.{Suggestion.Sentence(text, [.. DTypes.FloatingPointTorchNames])}"),
        value => value.TorchName());

    /// <summary>A temperature: above 0, and <c>inf</c> for infinite.</summary>
    public static OptionKind<double> Temperature { get; } = Of<double>(
        new RecipeForm.Text(),
        text => text.ToUpperInvariant() is "INF" or "INFINITY" or ".INF" ? (double.PositiveInfinity, null)
            : NumberText.ParseFinite(text) is > 0 and var value ? (value, null) : (0, $"is a number above 0, or 'inf', not '{text}'."),
        NumberText.Of);

    /// <summary>A list of globs.</summary>
    public static OptionKind<IReadOnlyList<string>> Globs { get; } = new(
        new RecipeForm.Texts(),
        (written, _) => (written.Entries, null),
        value => value.Count == 0 ? "" : $"[{string.Join(", ", value.Select(text => JsonSerializer.Serialize(text)))}]");

    /// <summary>A whole number.</summary>
    /// <param name="least">The smallest.</param>
    /// <param name="most">The largest.</param>
    public static OptionKind<int> Whole(int least, int? most = null)
    {
        var range = most is null ? $"is a whole number from {least} on"
            : most == least + 1 ? $"is {least} or {most}" : $"is a whole number from {least} to {most}";
        return Of<int>(
            new RecipeForm.WholeNumber(least, most),
            text => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
                && value >= least && value <= (most ?? int.MaxValue) ? (value, null) : (0, $"{range}, not '{text}'."),
            value => value.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Any whole number.</summary>
    public static OptionKind<long> Seed { get; } = Of<long>(
        new RecipeForm.WholeNumber(long.MinValue),
        text => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            ? (value, null) : (0, $"is a whole number, not '{text}'."),
        value => value.ToString(CultureInfo.InvariantCulture));

    /// <summary>A number.</summary>
    /// <param name="least">The smallest.</param>
    /// <param name="most">The largest; <see cref="double.MaxValue"/>: any.</param>
    public static OptionKind<double> Number(double least, double most)
    {
        var range = most == double.MaxValue
            ? $"from {NumberText.Of(least)} on"
            : $"between {NumberText.Of(least)} and {NumberText.Of(most)}";
        return Of<double>(
            new RecipeForm.Number(least, most),
            text => NumberText.ParseFinite(text) is { } value && value >= least && value <= most
                ? (value, null) : (0, $"is '{text}'; it must be a number {range}, with '.' as decimal separator."),
            NumberText.Of);
    }

    /// <summary>One of some names.</summary>
    /// <param name="choices">The names and what they mean, the first for the default.</param>
    public static OptionKind<T> Choice<T>(params IReadOnlyList<(string Name, T Value)> choices)
    {
        string[] names = [.. choices.Select(choice => choice.Name)];
        return Of<T>(
            new RecipeForm.Text(names),
            text =>
            {
                var found = choices.FirstOrDefault(choice => choice.Name.Equals(text, StringComparison.OrdinalIgnoreCase));
                return found.Name is not null ? (found.Value, null) : (choices[0].Value, $"is '{text}'.{Suggestion.Sentence(text, names)}");
            },
            value => choices.First(choice => Equals(choice.Value, value)).Name);
    }

    /// <summary>One of an enumeration's names, which are written as in <c>mean-abs</c>.</summary>
    public static OptionKind<T> Choice<T>()
        where T : struct, Enum => Choice([.. Enum.GetValues<T>().Select(value => (NameOf(value), value))]);

    /// <summary>Some of an enumeration's names, in its order.</summary>
    public static OptionKind<IReadOnlyList<T>> Choices<T>()
        where T : struct, Enum => Some(Choice<T>(), Enum.GetValues<T>());

    /// <summary>Some kinds of GGUF files, in the order of their table.</summary>
    public static OptionKind<IReadOnlyList<GgufFileType>> GgufTypes { get; } = Some(Choice(GgufFileType.Names), GgufFileType.All);

    // Some of the values of a kind, each once and in the order of them all.
    private static OptionKind<IReadOnlyList<T>> Some<T>(OptionKind<T> one, IReadOnlyList<T> all) => new(
        new RecipeForm.Texts(),
        (written, pathOf) =>
        {
            var read = NamesIn(written).Select(name => one.Parse(written with { Entries = [name] }, pathOf)).ToList();
            return (
                [.. all.Where(value => read.Exists(choice => Equals(choice.Value, value)))],
                read.Find(choice => choice.Fault is not null).Fault);
        },
        values => values.Count == 0 ? "" : $"[{string.Join(", ", values.Select(one.Print))}]");

    /// <summary>The same, or nothing.</summary>
    public static OptionKind<T?> OrNone<T>(this OptionKind<T> kind)
        where T : struct => new(
        kind.Form,
        (written, pathOf) => kind.Parse(written, pathOf) is (var value, var fault) ? (value, fault) : default,
        value => value is { } some ? kind.Print(some) : "");

    /// <summary>The same, or nothing, for which there is a word.</summary>
    internal static OptionKind<T?> OrWord<T>(this OptionKind<T> kind, string word)
        where T : struct => kind.OrNone().OrWords([word], null) with { Print = value => value is { } some ? kind.Print(some) : word };

    /// <summary>The same, besides words that mean one value.</summary>
    internal static OptionKind<T> OrWords<T>(this OptionKind<T> kind, string[] words, T meaning) => new(
        new RecipeForm.Either([.. kind.Form is RecipeForm.Either either ? either.Forms : [kind.Form], new RecipeForm.Switch(words[0])]),
        (written, pathOf) => IsOneOf(written, words) ? (meaning, null) : kind.Parse(written, pathOf),
        kind.Print);

    /// <summary>Whether a value is one of some words.</summary>
    internal static bool IsOneOf(WrittenOption written, string[] words) => words.Contains(written.Text, StringComparer.OrdinalIgnoreCase);

    /// <summary>A choice's name as users write it.</summary>
    public static string NameOf<T>(T value)
        where T : struct, Enum => InnerCapital().Replace(value.ToString(), "-$0").ToLowerInvariant();

    // A list as items write it, or as recipes do.
    private static IEnumerable<string> NamesIn(WrittenOption written) =>
        written.Entries.SelectMany(entry => entry.Split(
            [';', ',', ' ', '[', ']'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));

    private static OptionKind<T> Of<T>(RecipeForm form, Func<string, (T, string?)> parse, Func<T, string> print) =>
        new(form, (written, _) => parse(written.Text), print);

    [GeneratedRegex("(?<!^)[A-Z]")]
    private static partial Regex InnerCapital();
}
