using System.Globalization;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;

namespace MergeTasks.Language.Searching;

/// <summary>What an axis sets.</summary>
internal enum AxisKind
{
    /// <summary>The method.</summary>
    Method,

    /// <summary>A parameter of the method.</summary>
    Parameter,

    /// <summary>A setting of AIM or APL, or the factor of the merged change.</summary>
    Option,
}

/// <summary>A setting that a search tries several values of.</summary>
/// <param name="Name">The setting's name as metadata.</param>
/// <param name="Kind">What it sets.</param>
/// <param name="Location">Where it is declared.</param>
internal sealed record SearchAxis(string Name, AxisKind Kind, SourceLocation Location)
{
    /// <summary>The name of the method's axis.</summary>
    public const string MethodName = "Method";

    /// <summary>The label of the model whose setting it is; <see langword="null"/>: the merge's, for all of its models.</summary>
    public string? Source { get; init; }

    /// <summary>The parameter's name in recipes.</summary>
    public string Parameter { get; init; } = "";

    /// <summary>The values; none where there is a range.</summary>
    public IReadOnlyList<string> Values { get; init; } = [];

    /// <summary>The smallest number of a range.</summary>
    public double Low { get; init; }

    /// <summary>The largest number of a range.</summary>
    public double High { get; init; }

    /// <summary>Whether equal ratios are equally far apart, and not equal differences.</summary>
    public bool IsLogarithmic { get; init; }

    /// <summary>Whether only whole numbers are tried.</summary>
    public bool IsWhole { get; init; }

    /// <summary>How many numbers are chosen, spread evenly over the layers; 1: one for all.</summary>
    public int Layers { get; init; } = 1;

    /// <summary>For people: <c>Weight of models/code</c>.</summary>
    public string Title => Source is null ? Name : $"{Name} of {Source}";

    /// <summary>The valid values, for people.</summary>
    public string ValuesText => Values.Count > 0
        ? string.Join(";", Values)
        : $"{NumberText.Of(Low)}..{NumberText.Of(High)}{(IsLogarithmic ? " log" : "")}{(Layers > 1 ? $" at {Layers} layers" : "")}";

    /// <summary>A number of the range as it is written: so short that people read it, and a hundred of them are apart.</summary>
    public string Written(double value)
    {
        if (IsWhole)
            return Math.Round(value).ToString("0", CultureInfo.InvariantCulture);
        var size = IsLogarithmic ? Math.Abs(value) : High - Low;

        // 1.4 − 0.4 is a little less than 1.
        var digits = Math.Clamp(2 - (int)Math.Floor(Math.Log10(size) + 1e-9), 0, 15);
        return NumberText.Of(Math.Clamp(Math.Round(value, digits), Low, High));
    }
}
