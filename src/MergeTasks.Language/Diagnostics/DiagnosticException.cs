namespace MergeTasks.Language.Diagnostics;

/// <summary>Work that cannot go on, with everything the user needs to mend.</summary>
internal sealed class DiagnosticException : Exception
{
    /// <summary>Wraps one finding or several.</summary>
    public DiagnosticException(params IReadOnlyList<Diagnostic> diagnostics)
        : base(string.Join(Environment.NewLine, diagnostics.Select(diagnostic => $"{diagnostic.Code}: {diagnostic.Message}"))) =>
        Diagnostics = diagnostics;

    /// <summary>One finding that ends the work.</summary>
    public DiagnosticException(DiagnosticCode code, string message, SourceLocation? location)
        : this(new Diagnostic(code, message, location))
    {
    }

    /// <summary>The findings, at least one.</summary>
    public IReadOnlyList<Diagnostic> Diagnostics { get; }
}
