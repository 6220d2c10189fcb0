import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Release } from '@baton/core'
import { describeRelease } from '../../src/releases/describe.ts'
import { type ZipEntry, zip } from '../releases/archives.ts'

/** What the tests' app for Node.js answers, as a page: no compiler is needed to pack it. */
const indexJsp = `<%@ page session="false" contentType="application/json" %><%!
  static String pair(String name) {
    String value = System.getenv(name);
    return ",\\"" + name + "\\":" + (value == null ? "null" : "\\"" + value + "\\"");
  }
%>{"version":"VERSION","pid":<%= ProcessHandle.current().pid() %>,"cwd":"<%= System.getProperty("user.dir") %>",
"secure":<%= request.isSecure() %>,"url":"<%= request.getRequestURL() %>","option":"<%= System.getProperty("option") %>"
<%= pair("HOST") + pair("PORT") + pair("BATON_NODE") + pair("BATON_RELEASE") + pair("BATON_SHARED") + pair("GREETING")
  + pair("BATON_SESSION_STORE") + pair("BATON_SESSION_NAMESPACE") + pair("BATON_LEAK") %>}
`

/** Counts in the session. */
const countJsp = `<%
  Integer count = (Integer) session.getAttribute("count");
  session.setAttribute("count", count == null ? 1 : count + 1);
%><%= session.getAttribute("count") %> <%= session.getClass().getName() %>`

const webXml = `<?xml version="1.0"?>
<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0" metadata-complete="true">EXTRA</web-app>
`

export interface WebappOptions {
  /** More elements of its web.xml. */
  readonly descriptor?: string
  readonly more?: readonly ZipEntry[]
}

function war(version: string, { descriptor = '', more = [] }: WebappOptions = {}): Buffer {
  return zip([
    { name: 'index.jsp', content: indexJsp.replace('VERSION', version) },
    { name: 'count.jsp', content: countJsp },
    { name: 'health', content: 'ok' },
    // Tomcat looks for tag libraries in all its jars otherwise, which takes longer than all the rest of its start.
    { name: 'META-INF/context.xml', content: '<Context><JarScanner scanClassPath="false"/></Context>' },
    { name: 'WEB-INF/web.xml', content: webXml.replace('EXTRA', descriptor) },
    ...more,
  ])
}

/** A listener that is not there, so that the web application cannot start. */
export const broken: WebappOptions = {
  descriptor: '<listener><listener-class>no.such.Listener</listener-class></listener>',
}

export async function makeWar(dir: string, id: string, options?: WebappOptions): Promise<Release> {
  const source = join(dir, `${id}.war`)
  await rm(source, { force: true })
  await writeFile(source, war(id, options))
  return describeRelease(source, { id, at: new Date() })
}
