using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Options;

/// <summary>Reads options, wherever they are written.</summary>
/// <param name="owner">Whose they are, for messages.</param>
/// <param name="find">The places where an option is written, the one that counts first.</param>
/// <param name="pathOf">Full path of a file that an option names.</param>
/// <param name="report">Receives each finding.</param>
internal sealed class OptionReader(
    string owner, Func<MergeOption, IReadOnlyList<WrittenOption>> find, Func<WrittenOption, string> pathOf, Action<Diagnostic> report)
{
    /// <summary>Where an option that counts is written; <see langword="null"/> where it is not given.</summary>
    public WrittenOption? Find(MergeOption option) => find(option) is [var first, ..] ? first : null;

    /// <summary>
    /// A record with the values of its options: as written, else the defaults. What is wrong is reported also where another place counts.
    /// </summary>
    public T Read<T>(T record, IEnumerable<MergeOption<T>> options)
    {
        foreach (var option in options)
        {
            record = option.WithDefault(record);
            foreach (var written in find(option).Reverse())
            {
                record = option.With(record, written, pathOf, out var fault);
                if (fault is not null)
                    Report(DiagnosticCode.InvalidValue, $"{option.Title} {fault}", written.Location);
            }
        }

        return record;
    }

    /// <summary>Reports a finding.</summary>
    public void Report(DiagnosticCode code, string message, SourceLocation? location) =>
        report(new Diagnostic(code, $"{owner}: {message}", location));
}
