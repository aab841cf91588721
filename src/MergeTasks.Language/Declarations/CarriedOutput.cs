using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;

namespace MergeTasks.Language.Declarations;

/// <summary>Where else a merge's output goes, in the words that items of the SDK use.</summary>
/// <param name="ToPublishDirectory">How publishing copies it: one of <see cref="Modes"/>.</param>
/// <param name="ToOutputDirectory">How building copies it beside the program, and beside those of referring projects.</param>
/// <param name="IsPacked">Whether packing carries it.</param>
internal sealed record CarriedOutput(string ToPublishDirectory, string ToOutputDirectory, bool IsPacked)
{
    /// <summary>Not at all.</summary>
    public const string Never = "Never";

    /// <summary>Where it is newer than what is there.</summary>
    public const string PreserveNewest = "PreserveNewest";

    public const string Publish = "CopyToPublishDirectory";
    public const string Output = "CopyToOutputDirectory";
    public const string Pack = "Pack";

    /// <summary>The SDK's ways to copy; <c>true</c> and <c>false</c> stand for the second and the first.</summary>
    public static IReadOnlyList<string> Modes { get; } = [Never, PreserveNewest, "Always", "IfDifferent"];

    /// <summary>For what is only a step towards another merge.</summary>
    public static CarriedOutput Nowhere { get; } = new(Never, Never, false);

    /// <summary>Reads the metadata of a <c>MergedModel</c>.</summary>
    /// <param name="item">The item.</param>
    /// <param name="report">Receives each value that is none.</param>
    public static CarriedOutput Read(DeclaredItem item, Action<Diagnostic> report)
    {
        return new CarriedOutput(Mode(Publish, PreserveNewest), Mode(Output, Never), Flag());

        string Mode(string metadata, string usual)
        {
            if (item[metadata] is not { } text)
                return usual;
            if (NumberText.ParseFlag(text.ToLowerInvariant()) is { } flag)
                return flag ? PreserveNewest : Never;
            if (Modes.FirstOrDefault(mode => mode.Equals(text, StringComparison.OrdinalIgnoreCase)) is { } valid)
                return valid;
            report(ItemMetadata.Invalid(item, metadata, $"{metadata} is {string.Join(", ", Modes)}, true or false, not '{text}'."));
            return usual;
        }

        bool Flag()
        {
            if (item[Pack] is not { } text)
                return true;
            if (NumberText.ParseFlag(text.ToLowerInvariant()) is { } flag)
                return flag;
            report(ItemMetadata.Invalid(item, Pack, $"{Pack} is true or false, not '{text}'."));
            return true;
        }
    }
}
