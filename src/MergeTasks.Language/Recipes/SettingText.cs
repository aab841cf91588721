using System.Globalization;

namespace MergeTasks.Language.Recipes;

/// <summary>Reads a parameter's value from text: a number, a flag, or a gradient in brackets.</summary>
internal static class SettingText
{
    /// <summary>A number with '.' as decimal separator, or true/false (yes/no, on/off) as 1/0; <see langword="null"/> for anything else.</summary>
    public static double? ParseNumber(string text) => text.Trim() switch
    {
        "true" or "True" or "TRUE" or "yes" or "Yes" or "on" or "On" => 1,
        "false" or "False" or "FALSE" or "no" or "No" or "off" or "Off" => 0,
        var number => double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) ? value : null,
    };

    /// <summary>A number, a flag, or <c>[a, b, c]</c>; <see langword="null"/> for anything else.</summary>
    public static Setting? Parse(string text)
    {
        text = text.Trim();
        if (text is not ['[', .. var inner, ']'])
            return ParseNumber(text) is { } single ? new Setting.Number(single) : null;
        var values = inner.Split(',').Select(ParseNumber).ToList();
        return values.Contains(null) ? null : new Setting.Gradient([.. values.Select(value => value!.Value)]);
    }
}
