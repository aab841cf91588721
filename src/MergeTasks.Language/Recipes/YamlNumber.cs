using System.Text.RegularExpressions;
using MergeTasks.Language.Options;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace MergeTasks.Language.Recipes;

/// <summary>
/// Numbers of YAML 1.1, in which mergekit reads: 010 is 8, 0x10 is 16, 1_000 is 1000. A text in quotes is read as a decimal number.
/// </summary>
internal static partial class YamlNumber
{
    /// <summary>The number that a scalar is, or null where it is none.</summary>
    public static double? Parse(YamlScalarNode scalar)
    {
        var text = (scalar.Value ?? "").Trim();
        if (scalar.Style == ScalarStyle.Plain && Radix().Match(text) is { Success: true } match)
        {
            var (digits, radix) = match.Groups["hex"].Success ? (match.Groups["hex"].Value, 16)
                : match.Groups["binary"].Success ? (match.Groups["binary"].Value, 2)
                : (match.Groups["octal"].Value, 8);
            digits = digits.Replace("_", "", StringComparison.Ordinal);
            return digits.Length is > 0 and < 16 ? (text[0] == '-' ? -1.0 : 1.0) * Convert.ToInt64(digits, radix) : null;
        }

        return NumberText.Parse(Underscore().Replace(text, "$1$2"));
    }

    /// <summary>The whole number that a scalar is (16, 16.0 and '16' are the same), or null where it is none of 32 bits.</summary>
    public static int? ParseWhole(YamlScalarNode scalar) =>
        Parse(scalar) is { } number && number == Math.Floor(number) && Math.Abs(number) <= int.MaxValue ? (int)number : null;

    [GeneratedRegex(@"^[-+]?(0x(?<hex>[0-9a-fA-F_]+)|0b(?<binary>[01_]+)|0(?<octal>[0-7_]+))$")]
    private static partial Regex Radix();

    [GeneratedRegex(@"([0-9])_([0-9])")]
    private static partial Regex Underscore();
}
