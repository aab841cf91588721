using System.Globalization;

namespace MergeTasks.Language.Options;

/// <summary>Numbers and flags as people write them in projects and recipes.</summary>
internal static class NumberText
{
    /// <summary>
    /// A number with '.' as decimal separator, or true/false (yes/no, on/off) as 1/0; <see langword="null"/> for anything else.
    /// </summary>
    public static double? Parse(string text) => text.Trim() switch
    {
        "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "on" or "On" or "ON" => 1,
        "false" or "False" or "FALSE" or "no" or "No" or "NO" or "off" or "Off" or "OFF" => 0,
        var number => ParseFinite(number),
    };

    /// <summary>A finite number; <see langword="null"/> for anything else.</summary>
    public static double? ParseFinite(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) ? value : null;

    /// <summary>A flag; <see langword="null"/> for anything that <see cref="Parse"/> takes for neither 1 nor 0.</summary>
    public static bool? ParseFlag(string text) => Parse(text) switch { 1 => true, 0 => false, _ => null };

    /// <summary>A number so that it is read as the same one again; infinity is <c>inf</c>.</summary>
    public static string Of(double value) => double.IsPositiveInfinity(value) ? "inf" : value.ToString("R", CultureInfo.InvariantCulture);
}
