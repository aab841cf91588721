using MergeTasks.Checkpoints.Elements;

namespace MergeTasks.Language.Diagnostics;

/// <summary>Work that cannot go on, with everything the user needs to mend.</summary>
internal sealed class DiagnosticException : Exception
{
    /// <summary>Wraps one finding or several.</summary>
    public DiagnosticException(params IReadOnlyList<Diagnostic> diagnostics)
        : base(string.Join(Environment.NewLine, diagnostics.Select(diagnostic => $"{diagnostic.Code}: {diagnostic.Message}"))) =>
        Diagnostics = diagnostics;

    /// <summary>The findings, at least one.</summary>
    public IReadOnlyList<Diagnostic> Diagnostics { get; }

    /// <summary>Turns a fault of a checkpoint into a diagnostic that points at the declaration which named it.</summary>
    public static DiagnosticException From(CheckpointException fault, SourceLocation? declaration) =>
        new(new Diagnostic(
            fault.Error switch
            {
                CheckpointError.FolderNotFound => DiagnosticCode.ModelNotFound,
                CheckpointError.NoWeights => DiagnosticCode.NoWeights,
                CheckpointError.RefusedFormat => DiagnosticCode.RefusedFormat,
                CheckpointError.Malformed => DiagnosticCode.MalformedWeights,
                CheckpointError.BadIndex => DiagnosticCode.BadIndex,
                CheckpointError.BadConfig => DiagnosticCode.BadConfig,
                CheckpointError.BadAdapter => DiagnosticCode.BadAdapter,
                CheckpointError.RefusedQuantization => DiagnosticCode.RefusedQuantization,
                CheckpointError.RefusedAdapter => DiagnosticCode.RefusedAdapter,
                _ => DiagnosticCode.UnreadableInput,
            },
            fault.Message,
            declaration));
}
