using MergeTasks.Language.Diagnostics;
using MergeTasks.Methods.Loading;

namespace MergeTasks.Language.Declarations;

/// <summary>Reads the <c>MergeMethod</c> items of a project.</summary>
internal static class MethodItems
{
    /// <summary>
    /// The methods that a project's merges may name. An assembly that cannot be used is told, and its methods are missing.
    /// </summary>
    public static MethodCatalog Read(ProjectDefaults project, Action<Diagnostic> report)
    {
        foreach (var item in project.Methods.DistinctBy(item => item.Include))
        {
            try
            {
                project.Catalog.Add(UserPath.Full(project.Folder, item.Include, () => item.Location));
            }
            catch (MethodLoadException e)
            {
                report(new Diagnostic(DiagnosticCode.MethodAssembly, e.Message, item.Location));
            }
        }

        return project.Catalog;
    }
}
