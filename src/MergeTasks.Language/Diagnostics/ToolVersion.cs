using System.Reflection;

namespace MergeTasks.Language.Diagnostics;

/// <summary>The version that outputs and help links name.</summary>
internal static class ToolVersion
{
    /// <summary>Version without the commit that the SDK appends.</summary>
    public static string Text { get; } =
        typeof(ToolVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}
