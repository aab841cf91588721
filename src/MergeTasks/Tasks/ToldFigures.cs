using System.Globalization;
using System.Text;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Tasks;

/// <summary>What an evaluation has to say, on its way from the task that measures to the task that tells.</summary>
/// <param name="Lines">The table.</param>
/// <param name="Failures">What misses a threshold.</param>
internal sealed record ToldFigures(IReadOnlyList<string> Lines, IReadOnlyList<ToldFigures.Failure> Failures)
{
    // What no text holds.
    private const char Separator = '\u001f';

    /// <summary>One threshold that is missed.</summary>
    /// <param name="Code">The code's name.</param>
    /// <param name="Message">What is missed.</param>
    /// <param name="File">Where it is declared.</param>
    /// <param name="Line">From 1; 0 where unknown.</param>
    /// <param name="Column">From 1; 0 where unknown.</param>
    internal sealed record Failure(string Code, string Message, string? File, int Line, int Column);

    /// <summary>What is to be said.</summary>
    public static ToldFigures Of(IEnumerable<string> lines, IEnumerable<Diagnostic> failures) => new(
        [.. lines],
        [
            .. failures.Select(failure => new Failure(
                failure.Code, failure.Message, failure.Location?.File, failure.Location?.Line ?? 0, failure.Location?.Column ?? 0)),
        ]);

    /// <summary>Reads what <see cref="Packed"/> wrote.</summary>
    public static ToldFigures Unpack(string packed)
    {
        var (lines, failures) = (new List<string>(), new List<Failure>());
        var text = Encoding.UTF8.GetString(Convert.FromBase64String(packed));
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Split(Separator) is [var code, var file, var row, var column, var message])
                failures.Add(new Failure(code, message, file.Length == 0 ? null : file, Number(row), Number(column)));
            else
                lines.Add(line);
        }

        return new(lines, failures);

        static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
    }

    /// <summary>
    /// As a property's value, of which MSBuild reads no character as its own. Neither tables nor messages have line ends.
    /// </summary>
    public string Packed()
    {
        var failures = Failures.Select(failure => string.Join(
            Separator, failure.Code, failure.File, string.Create(CultureInfo.InvariantCulture, $"{failure.Line}"),
            string.Create(CultureInfo.InvariantCulture, $"{failure.Column}"), failure.Message));
        return Convert.ToBase64String(Encoding.UTF8.GetBytes(string.Join('\n', Lines.Concat(failures))));
    }
}
