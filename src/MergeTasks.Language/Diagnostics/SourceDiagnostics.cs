using MergeTasks.Sources.References;

namespace MergeTasks.Language.Diagnostics;

/// <summary>Turns faults of references, servers, caches and the lock file into diagnostics.</summary>
internal static class SourceDiagnostics
{
    /// <summary>A fault with where the reference stands; one of the lock file points there.</summary>
    public static DiagnosticException From(SourceException fault, SourceLocation? reference) => new(Of(fault, reference));

    /// <inheritdoc cref="From"/>
    public static Diagnostic Of(SourceException fault, SourceLocation? reference) =>
        new(CodeOf(fault.Error), fault.Message, reference ?? (fault.File is { } file ? new SourceLocation(file, fault.Line) : null));

    private static DiagnosticCode CodeOf(SourceError error) => error switch
    {
        SourceError.BadReference => DiagnosticCode.BadReference,
        SourceError.NotFound => DiagnosticCode.SourceNotFound,
        SourceError.Unauthorized => DiagnosticCode.SourceUnauthorized,
        SourceError.RateLimited => DiagnosticCode.SourceRateLimited,
        SourceError.Corrupt => DiagnosticCode.SourceCorrupt,
        SourceError.LockDiffers => DiagnosticCode.LockDiffers,
        SourceError.LockedFileChanged => DiagnosticCode.LockedFileChanged,
        SourceError.Offline => DiagnosticCode.SourceOffline,
        SourceError.BadLockFile => DiagnosticCode.BadLockFile,
        SourceError.Unsafe => DiagnosticCode.UnsafeSource,
        SourceError.NoWeights => DiagnosticCode.NoWeights,
        SourceError.RefusedFormat => DiagnosticCode.RefusedFormat,
        SourceError.DiskSpace => DiagnosticCode.DiskSpace,
        SourceError.Unwritable => DiagnosticCode.RestoreUnwritable,
        SourceError.PackageRefused => DiagnosticCode.PackageRefused,
        _ => DiagnosticCode.SourceUnavailable,
    };
}
