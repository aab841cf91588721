using System.Xml;
using System.Xml.Linq;
using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Declarations;

/// <summary>Finds items and properties in a project file's text: MSBuild tells which file defines an item, but not where in it.</summary>
internal static class ProjectFile
{
    /// <summary>
    /// The position of an item's metadata (attribute or child element), else of the item, else just the file
    /// (an item whose <c>Include</c> is computed cannot be found).
    /// </summary>
    /// <param name="file">Full path of the file that defines the item.</param>
    /// <param name="type">Item type.</param>
    /// <param name="include">The item's value.</param>
    /// <param name="occurrence">Which of several equal items, from 0.</param>
    /// <param name="metadata">Name of a metadata, or <see langword="null"/> for the item itself.</param>
    public static SourceLocation Find(string file, string type, string include, int occurrence, string? metadata)
    {
        try
        {
            var document = Load(file);
            var items = document.Descendants().Where(element => element.Name.LocalName == type
                && Values(element).Contains(include.Replace('\\', '/'), StringComparer.OrdinalIgnoreCase)).ToList();
            if (items.Count == 0)
                return new SourceLocation(file);
            var item = items[Math.Min(occurrence, items.Count - 1)];
            IXmlLineInfo found = item;
            if (metadata is not null)
                found = (IXmlLineInfo?)Named(item.Attributes(), metadata) ?? (IXmlLineInfo?)Named(item.Elements(), metadata) ?? item;
            return new SourceLocation(file, found.LineNumber, found.LinePosition);
        }
        catch (Exception e) when (FileFault.Covers(e) || e is XmlException or ArgumentException)
        {
            return new SourceLocation(file);
        }
    }

    /// <summary>The position of a property, else just the file: it may be set elsewhere, or on the command line.</summary>
    /// <param name="file">Full path of the project file.</param>
    /// <param name="property">Its name.</param>
    public static SourceLocation FindProperty(string file, string property)
    {
        try
        {
            IXmlLineInfo? found = Named(Load(file).Descendants(), property);
            return found is null ? new SourceLocation(file) : new SourceLocation(file, found.LineNumber, found.LinePosition);
        }
        catch (Exception e) when (FileFault.Covers(e) || e is XmlException or ArgumentException)
        {
            return new SourceLocation(file);
        }
    }

    /// <summary>All elements of a project file; none where it cannot be read.</summary>
    public static IReadOnlyList<XElement> Elements(string file)
    {
        try
        {
            return [.. Load(file).Descendants()];
        }
        catch (Exception e) when (FileFault.Covers(e) || e is XmlException or ArgumentException)
        {
            return [];
        }
    }

    /// <summary>The position of one of them.</summary>
    public static SourceLocation LocationOf(string file, IXmlLineInfo element) => new(file, element.LineNumber, element.LinePosition);

    private static XDocument Load(string file)
    {
        using var stream = InputFile.OpenStream(file);
        return XDocument.Load(stream, LoadOptions.SetLineInfo);
    }

    private static IEnumerable<string> Values(XElement element) =>
        ((string?)element.Attribute("Include") ?? (string?)element.Attribute("Update") ?? "")
            .Split(';', StringSplitOptions.TrimEntries).Select(value => value.Replace('\\', '/'));

    private static XAttribute? Named(IEnumerable<XAttribute> attributes, string name) =>
        attributes.FirstOrDefault(attribute => attribute.Name.LocalName.Equals(name, StringComparison.OrdinalIgnoreCase));

    private static XElement? Named(IEnumerable<XElement> elements, string name) =>
        elements.FirstOrDefault(element => element.Name.LocalName.Equals(name, StringComparison.OrdinalIgnoreCase));
}
