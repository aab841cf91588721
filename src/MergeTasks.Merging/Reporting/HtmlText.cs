using System.Globalization;
using System.Net;
using System.Text;

namespace MergeTasks.Merging.Reporting;

/// <summary>A page as it grows. What is interpolated is text, never markup, and numbers are written in one language.</summary>
internal sealed class HtmlText
{
    private readonly StringBuilder _html = new();

    /// <summary>Adds markup with texts and numbers in it.</summary>
    public HtmlText Add(FormattableString markup)
    {
        ArgumentNullException.ThrowIfNull(markup);
        var escaped = markup.GetArguments().Select(argument => argument switch
        {
            null => "",
            IFormattable number => number,
            var text => (object)WebUtility.HtmlEncode(Readable(text.ToString()!)),
        });
        _html.AppendFormat(CultureInfo.InvariantCulture, markup.Format, [.. escaped]);
        return this;
    }

    /// <summary>Adds markup as it is.</summary>
    public HtmlText Raw(string markup)
    {
        _html.Append(markup);
        return this;
    }

    /// <summary>Adds something for each of some values.</summary>
    public HtmlText Each<T>(IEnumerable<T> values, Action<T> add)
    {
        foreach (var value in values)
            add(value);
        return this;
    }

    /// <inheritdoc/>
    public override string ToString() => _html.ToString();

    // Characters that no HTML text may hold.
    private static string Readable(string text) =>
        string.Concat(text.EnumerateRunes().Select(rune =>
            Rune.IsControl(rune) && rune.Value is not ('\n' or '\t') ? "\ufffd" : rune.ToString()));
}
