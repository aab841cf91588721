using MergeTasks.Language.Options;

namespace MergeTasks.Language.Recipes;

/// <summary>Reads a parameter's value from text: a number, a flag, or a gradient in brackets.</summary>
public static class SettingText
{
    /// <summary>A number, a flag, or <c>[a, b, c]</c>; <see langword="null"/> for anything else.</summary>
    public static Setting? Parse(string text)
    {
        text = text.Trim();
        if (text is not ['[', .. var inner, ']'])
            return NumberText.Parse(text) is { } single ? new Setting.Number(single) : null;
        var values = inner.Split(',').Select(NumberText.Parse).ToList();
        return values.Contains(null) ? null : new Setting.Gradient([.. values.Select(value => value!.Value)]);
    }
}
